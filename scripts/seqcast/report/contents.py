"""What a page shows of a run."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from seqcast.data import Dataset
from seqcast.report.motifs import Motifs
from seqcast.report.results import ModelFiles
from seqcast.tracks.browser.embedding import EmbeddedBrowser
from seqcast.tracks.browser.explained import Explained
from seqcast.tracks.browser.varied import Varied


@dataclass(frozen=True)
class Contents:
    """What a page is made of; sections about what is not there are left out.

    `baselines` holds the `metrics.tsv` of each, by name. `run` is the content of `run.json` and
    `validation` of `validation.json`, any key of which may be missing. `tracks` is the folder of
    the exported tracks, named as given, and `browser` what the section on tracks shows of them.
    `effects` is a table of the true effects of variants, where they are known.
    """

    dataset: Dataset
    models: Mapping[str, ModelFiles]
    baselines: Mapping[str, str | Path] = field(default_factory=dict)
    run: Mapping[str, Any] = field(default_factory=dict)
    validation: Mapping[str, Any] = field(default_factory=dict)
    title: str = ""
    tracks: str | Path = ""
    browser: EmbeddedBrowser | None = None
    explained: Explained | None = None
    varied: Varied | None = None
    effects: str | Path = ""
    motifs: Motifs | None = None
