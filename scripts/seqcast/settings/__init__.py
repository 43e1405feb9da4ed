"""Every setting of a run, with its type, its default and what it must agree with.

The only place that knows a default. ``read_settings`` takes the mapping that Snakemake read from
YAML and the command line and returns a frozen ``Settings``, or says what is wrong with it.
"""

from seqcast.settings.data import BasenjiSettings, GenomeSettings, SimulatedSettings
from seqcast.settings.files import File, find_files, find_genome, find_places, has_replicates
from seqcast.settings.model import PRESETS, DilatedBlock, ModelSettings, SqueezeBlock, TrainSettings
from seqcast.settings.run import STAGES, Settings, read_settings
from seqcast.settings.steps import (
    BrowseSettings,
    EvaluateSettings,
    ExportSettings,
    GenomeTracksSettings,
    Member,
    PredictSettings,
)

__all__ = [
    "PRESETS",
    "STAGES",
    "BasenjiSettings",
    "BrowseSettings",
    "DilatedBlock",
    "EvaluateSettings",
    "ExportSettings",
    "File",
    "GenomeSettings",
    "GenomeTracksSettings",
    "Member",
    "ModelSettings",
    "PredictSettings",
    "Settings",
    "SimulatedSettings",
    "SqueezeBlock",
    "TrainSettings",
    "find_files",
    "find_genome",
    "find_places",
    "has_replicates",
    "read_settings",
]
