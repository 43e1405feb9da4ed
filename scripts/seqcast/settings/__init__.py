"""Every setting of a run, with its type, its default and what it must agree with.

The only place that knows a default. ``read_settings`` takes the mapping that Snakemake read from
YAML and the command line and returns a frozen ``Settings``, or says what is wrong with it.
Sections of single steps are in ``steps``.
"""

from seqcast.settings.data import (
    BasenjiSettings,
    File,
    GenomeSettings,
    SimulatedSettings,
    Source,
    SourceFiles,
    find_source,
)
from seqcast.settings.files import (
    RunFiles,
    find_path,
    find_run_files,
    is_within,
)
from seqcast.settings.network import (
    DilatedBlock,
    DownsampleBlock,
    GatedSettings,
    NetworkSettings,
    PooledSettings,
    read_network,
)
from seqcast.settings.params import read_params, tracked, untracked
from seqcast.settings.presets import PRESETS
from seqcast.settings.run import SHARED, STAGES, Settings, read_settings
from seqcast.settings.training import TrainSettings

__all__ = [
    "PRESETS",
    "SHARED",
    "STAGES",
    "BasenjiSettings",
    "DilatedBlock",
    "DownsampleBlock",
    "File",
    "GatedSettings",
    "GenomeSettings",
    "NetworkSettings",
    "PooledSettings",
    "RunFiles",
    "Settings",
    "SimulatedSettings",
    "Source",
    "SourceFiles",
    "TrainSettings",
    "find_path",
    "find_run_files",
    "find_source",
    "is_within",
    "read_network",
    "read_params",
    "read_settings",
    "tracked",
    "untracked",
]
