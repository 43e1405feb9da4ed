"""`igv_session.xml`: the tracks as a session of IGV desktop."""

import xml.etree.ElementTree as ET
from pathlib import Path

from seqcast.core.disk import write_text
from seqcast.tracks.browser.annotations import MOTIFS
from seqcast.tracks.browser.panels import STAND_IN, Panel, Track, find_panels
from seqcast.tracks.browser.view import View
from seqcast.tracks.files import format_of

_VERSION = "8"  # of IGV's session format
_HEIGHT = 50
# Columns beside the tracks' names that would repeat them.
_HIDDEN = ("AUTOSCALE GROUP", "DATA FILE", "DATA TYPE", "NAME")


def write_igv_session(view: View) -> Path:
    """Write `igv_session.xml` for the tracks of a folder, and return its path.

    It holds observed and predicted of the best dozen targets by `view.scores`, for IGV reads every
    track that a session names; the others are loaded from the folder by hand. Paths are relative:
    the folder may move. IGV fetches the genome of `view.ucsc`; without one, and for a stand-in, the
    folder's `genome.fa` is the genome. Raises SeqcastError where tracks are missing.
    """
    folder = view.folder
    panels = [panel for panel in find_panels(folder, view.scores) if panel.is_shown]
    session = ET.Element(
        "Session",
        version=_VERSION,
        genome=view.ucsc if view.ucsc and not view.is_stand_in else "genome.fa",
        locus=view.locus.place.replace(",", "") if view.locus else "All",
        nextAutoscaleGroup=str(len(panels) + 1),
    )
    note = f" ({STAND_IN})" if view.is_stand_in else ""
    resources = ET.SubElement(session, "Resources")
    shown = ET.SubElement(session, "Panel", name="DataPanel")
    if (folder / "splits.bed").is_file() and (folder / "splits.bed").stat().st_size:
        ET.SubElement(resources, "Resource", path="splits.bed", type="bed")
        _add_features(shown, "splits.bed", f"train, valid, test{note}", "COLLAPSED")
    if (folder / MOTIFS).is_file():
        ET.SubElement(resources, "Resource", path=MOTIFS, type="bed")
        _add_features(shown, MOTIFS, f"motifs{note}", "EXPANDED")
    for group, panel in enumerate(panels, 1):
        for track in panel.tracks:
            ET.SubElement(resources, "Resource", path=track.file, type=format_of(track.file).igv)
            _add_track(shown, panel, track, str(group), note)
        for track in panel.letters:
            ET.SubElement(resources, "Resource", path=track.file, type=format_of(track.file).igv)
            _add_track(shown, panel, track, None, note)
    hidden = ET.SubElement(session, "HiddenAttributes")
    for name in _HIDDEN:
        ET.SubElement(hidden, "Attribute", name=name)
    ET.indent(session)
    path = folder / "igv_session.xml"
    text = ET.tostring(session, encoding="unicode")
    write_text(path, f'<?xml version="1.0" encoding="UTF-8"?>\n{text}\n')
    return path


def _add_features(parent: ET.Element, file: str, name: str, mode: str) -> None:
    ET.SubElement(
        parent,
        "Track",
        id=file,
        name=name,
        clazz="org.broad.igv.track.FeatureTrack",
        displayMode=mode,
        visible="true",
    )


def _add_track(
    parent: ET.Element, panel: Panel, track: Track, group: str | None, note: str
) -> None:
    """Add a track; those of a group have one scale, one of none its own, set by what is in view."""
    ET.SubElement(
        parent,
        "Track",
        id=track.file,
        # IGV shows about forty letters: no room for the units.
        name=_printable(f"{panel.target} {track.phrase}{note}"),
        clazz="org.broad.igv.track.DataSourceTrack",
        color=track.rgb,
        altColor=track.rgb,
        autoScale="false" if group else "true",
        **({"autoscaleGroup": group} if group else {}),
        height=str(_HEIGHT),
        renderer="BAR_CHART",
        visible="true",
        windowFunction="mean",
    )


def _printable(text: str) -> str:
    """Take out what XML 1.0 cannot hold."""
    return "".join(letter if letter.isprintable() else " " for letter in text)
