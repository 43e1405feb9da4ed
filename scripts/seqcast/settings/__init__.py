"""Every setting of a run, with its type, its default and what it must agree with.

The only place that knows a default. ``read_settings`` takes the mapping that Snakemake read from
YAML and the command line and returns a frozen ``Settings``, or says what is wrong with it.
"""

from seqcast.settings.data import BasenjiSettings, SimulatedSettings
from seqcast.settings.model import PRESETS, DilatedBlock, ModelSettings, SqueezeBlock, TrainSettings
from seqcast.settings.run import STAGES, PredictSettings, Settings, read_settings

__all__ = [
    "PRESETS",
    "STAGES",
    "BasenjiSettings",
    "DilatedBlock",
    "ModelSettings",
    "PredictSettings",
    "Settings",
    "SimulatedSettings",
    "SqueezeBlock",
    "TrainSettings",
    "read_settings",
]
