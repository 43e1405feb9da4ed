"""A folder of tracks for a genome browser, as export leaves it, from nothing but numbers."""

import threading
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from chromium import OBSERVED_RGB, PREDICTED_RGB, Visit, count_pixels

from seqcast.data.splits import COLOURS
from seqcast.genome.bigwig import Run, write_bigwig
from seqcast.genome.fasta import write_fasta
from seqcast.tracks.browser.igvjs import read_igv_js
from seqcast.tracks.browser.serving import make_server
from seqcast.tracks.table import COLUMNS, OBSERVED, PREDICTED, SPREAD, write_tracks

CONTIG, OTHER, LENGTH, BIN = "chr1", "chr10", 64_000, 64


def write_shown(
    folder: Path,
    targets: Sequence[str] = ("strong", "weak"),
    *,
    kinds: Sequence[str] = (OBSERVED, PREDICTED),
    models: Sequence[str] = ("default",),
    odd_files: bool = False,
) -> Path:
    """Write tracks, their table, the genome and `splits.bed`; return the folder.

    The last target has a spread as well, if there are as few as two. Half of observed's waves are
    predicted. With `odd_files` names of files hold spaces, `#` and `%`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(1)
    contigs = {name: rng.integers(0, 4, LENGTH).astype(np.uint8) for name in (CONTIG, OTHER)}
    contigs[CONTIG][100:250] = 4
    write_fasta(folder / "genome.fa", contigs.items())
    waves = 5 + 5 * np.sin(np.arange(LENGTH // BIN) / 40)
    rows, paths = [], {}
    for place, target in enumerate(targets):
        wanted = [(OBSERVED, "")] * (OBSERVED in kinds)
        wanted += [(PREDICTED, model) for model in models if PREDICTED in kinds]
        if len(targets) == 2 and place == 1 and OBSERVED in kinds:
            wanted.append((SPREAD, models[0]))
        for kind, model in wanted:
            stem = f"t {place}#%" if odd_files else target
            name = f"{stem}.{model or OBSERVED}{'.spread' * (kind == SPREAD)}.bw"
            _write_track(folder / name, waves * (1 if kind == OBSERVED else 0.5), paths)
            cells = (name, target, model, kind, "counts", "")
            rows.append(dict(zip(COLUMNS, cells, strict=True)))
    write_tracks(folder / "tracks.tsv", rows)
    edges = {"train": (0, 24_000), "valid": (24_000, 32_000), "test": (32_000, LENGTH)}
    (folder / "splits.bed").write_text(
        "".join(
            f"{CONTIG}\t{start}\t{end}\t{split}\t0\t.\t{start}\t{end}\t{COLOURS[split]}\n"
            for split, (start, end) in edges.items()
        )
    )
    return folder


def _write_track(path: Path, values: np.ndarray, written: dict[float, bytes]) -> None:
    """Write a track; one like it was written before, its bytes do."""
    if values[0] not in written:
        values = values.astype(np.float32)
        sizes = {CONTIG: LENGTH, OTHER: LENGTH}
        write_bigwig(path, sizes, [Run(name, 0, values) for name in (CONTIG, OTHER)], BIN)
        written[float(values[0])] = path.read_bytes()
    path.write_bytes(written[float(values[0])])


def open_in_igv_js(folder: Path, file: str, visit: Callable[..., Visit]) -> Visit:
    """Open a hub or a session in a page of igv.js, and wait until it is drawn."""
    (folder / "igv.js").write_text(read_igv_js(), encoding="utf-8")
    (folder / "page.html").write_text(
        f"""<!doctype html><meta charset="utf-8"><link rel="icon" href="data:,">
        <div id="here"></div><script src="igv.js"></script><script>
        const options = {{search: false, loadDefaultGenomes: false}}
        async function show() {{
            window.browser = await igv.createBrowser(document.getElementById("here"), options)
            await browser.loadSession({{url: new URL("{file}", location.href).href}})
        }}
        window.shown = show()
        </script>"""
    )
    with make_server(folder, 0) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        seen = visit(f"http://127.0.0.1:{server.server_port}/page.html")
        seen.page.evaluate("window.shown")
        seen.page.wait_for_load_state("networkidle")
        server.shutdown()
    return seen


def check_picture(picture: np.ndarray) -> None:
    """Check that both colours are seen and that predicted, half of observed, is half as high."""
    observed, predicted = count_pixels(picture, OBSERVED_RGB), count_pixels(picture, PREDICTED_RGB)
    assert predicted > 2000
    assert predicted / observed == pytest.approx(0.5, abs=0.15)
