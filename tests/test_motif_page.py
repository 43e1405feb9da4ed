"""The report says which motifs a model reads, what they do, and which help each other."""

import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from fake_run import write_fake_dataset, write_fake_model
from motif_files import make_motifs, write_motifs

from seqcast.core.errors import SeqcastError
from seqcast.data.targets import Targets
from seqcast.report.contents import Contents
from seqcast.report.figures.motifs import HeatMap, plot_heat_map
from seqcast.report.motif_logos import compute_bits, draw_logo, draw_range
from seqcast.report.motif_words import format_fold
from seqcast.report.motifs import describe_motifs, read_motifs
from seqcast.report.page import write_report

TEMPLATES = Path(__file__).parents[1] / "workflow" / "report"
NAMES = ["CTCF", "DNase", "<b>starts</b> +"]
EFFECTS = np.array([[2.8, 0.5, 0.0], [-0.7, 0.1, 0.1], [0.0, 0.1, -0.1]])


class Model:
    """What the section asks of a ranked model."""

    name = "default"


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("page")
    dataset, rate = write_fake_dataset(folder / "dataset.h5", NAMES)
    model = write_fake_model(folder / "default", dataset, rate, name="default", noise=0.5)
    motifs = read_motifs(write_motifs(folder / "motifs", dataset.targets, EFFECTS))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("seqcast.report.picture.write_figure", lambda _, path: _touch(path))
        write_report(
            folder, TEMPLATES / "page.html.j2",
            Contents(dataset, {"default": model}, motifs=motifs),
        )  # fmt: skip
    whole = (folder / "index.html").read_text()
    assert "<b>starts" not in whole
    return whole.partition('<section id="motifs">')[2].partition("</section>")[0]


def _touch(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()


def test_the_page_says_what_is_read_and_what_it_does(page: str) -> None:
    text = re.sub(r"\s+", " ", re.sub(r"<[^>]*>", "", page))
    assert "The model reads 3 motifs; CTCF raises CTCF 16-fold." in text
    assert "By itself TATA does nothing" in text
    assert "REST lowers CTCF the most, to 50" in text
    assert "REST, 80 bases from CTCF, makes CTCF 2.0 times what the two do apart." in text
    assert "Known, but not found: GATA1." in text
    assert "90 of 300" in text
    assert "M2, lowers, like OTHER" in text
    assert "&lt;b&gt;starts&lt;/b&gt; +: 12 stretches stand out, which is too few" in text
    # Two targets with two patterns each, a logo and a place each.
    assert page.count("data:image/svg+xml") == 8


@pytest.mark.usefixtures("blank_figures")
def test_what_is_not_there_is_left_out(tmp_path: Path) -> None:
    targets = Targets.from_names(NAMES)
    assert describe_motifs(tmp_path, None, [Model]) is None
    assert read_motifs(tmp_path / "none") is None
    every = write_motifs(tmp_path / "all", targets, EFFECTS)
    assert describe_motifs(tmp_path, read_motifs(every), [Model]).courses is not None
    for name, gone in (
        ("effects.json", ("effects.json", "effects.tsv", "pairs.tsv")),
        ("pairs", ("pairs.tsv",)),
        ("patterns", ("patterns.tsv", "patterns.h5", "motifs.json")),
    ):
        folder = write_motifs(tmp_path / name, targets, EFFECTS, without=gone)
        found = describe_motifs(tmp_path, read_motifs(folder), [Model])
        assert (found.heat_map is None) == ("effects.tsv" in gone)
        assert (found.courses is None) == ("pairs.tsv" in gone)
        assert (found.first == ()) == ("patterns.tsv" in gone)
        assert found.headline.startswith("The model reads 3 motifs")
    # However sure it is, what changes by less than a tenth is no help.
    little = write_motifs(tmp_path / "little", targets, EFFECTS, helps=(0.02, 0.03))
    assert describe_motifs(tmp_path, read_motifs(little), [Model]).courses is None
    known = write_motifs(tmp_path / "known", targets, EFFECTS, discover=False)
    headline = describe_motifs(tmp_path, read_motifs(known), [Model]).headline
    assert headline.startswith("3 known motifs were looked at; CTCF raises CTCF")


@pytest.mark.usefixtures("blank_figures")
def test_no_motif_at_all_is_said(tmp_path: Path) -> None:
    targets = Targets.from_names(NAMES)
    folder = write_motifs(tmp_path / "none", targets, np.zeros((0, 3)), patterns=0)
    found = describe_motifs(tmp_path, read_motifs(folder), [Model])
    assert found.headline == "The model reads 0 motifs."
    assert (found.heat_map, found.courses) == (None, None)


@pytest.mark.usefixtures("blank_figures")
def test_of_many_the_strongest_are_shown(tmp_path: Path) -> None:
    targets = Targets.from_names([f"track {number}" for number in range(90)])
    rng = np.random.default_rng(0)
    effect = rng.normal(0, 0.5, (60, 90))
    effect[7, 55] = 9.0
    folder = write_motifs(tmp_path / "many", targets, effect, patterns=15)
    found = describe_motifs(tmp_path, read_motifs(folder), [Model])
    assert "30 motifs and 50 targets of smaller effects" in found.heat_map.caption
    assert "on track 55" in found.heat_map.alt
    assert len(found.first) + len(found.others) == 12
    assert found.more == 89 - 12
    assert len(found.first[0].rows) == 12
    assert found.first[0].more == 3


def test_damage_is_said(tmp_path: Path) -> None:
    folder = write_motifs(tmp_path / "all", Targets.from_names(NAMES), EFFECTS)
    for name, content in (
        ("effects.json", "[}"),
        ("motifs.json", "\xff"),
        ("motifs.meme", "MOTIF"),
    ):
        broken = tmp_path / f"broken.{name}"
        shutil.copytree(folder, broken)
        (broken / name).write_bytes(content.encode("latin-1"))
        with pytest.raises(SeqcastError, match=re.escape(name)):
            read_motifs(broken)


@pytest.mark.parametrize("shape", [(1, 1), (3, 12), (30, 40)], ids=str)
def test_a_heat_map_of_any_size_is_drawn(shape: tuple[int, int]) -> None:
    motifs = make_motifs(shape[0])
    effect = np.linspace(-1, 3, shape[0] * shape[1]).reshape(shape)
    figure = plot_heat_map(
        HeatMap(
            [motif.name for motif in motifs], [f"t{at}" for at in range(shape[1])],
            [compute_bits(motif.probabilities) for motif in motifs], effect, effect > 1,
        ),
        "title",
    )  # fmt: skip
    cells, *logos, _ = figure.axes
    assert len(logos) == shape[0]
    assert len(cells.texts) == (effect > 1).sum() + shape[0]
    # An inch is 100 pixels of a page that is 1,120 wide.
    assert figure.get_size_inches()[0] < 11.6
    figure.canvas.draw()


def test_logos_have_the_letters_and_fold_changes_are_words() -> None:
    bits = compute_bits(np.array([[1.0, 0, 0, 0], [0.25, 0.25, 0.25, 0.25], [0.5, 0, 0, 0.5]]))
    np.testing.assert_allclose(bits, [[2, 0, 0, 0], [0] * 4, [0.5, 0, 0, 0.5]])
    data, width, height = draw_logo(bits)
    assert data.startswith("data:image/svg+xml;base64,")
    assert (width, height) == (27, 36)
    assert draw_logo(-bits)[0] != data
    assert draw_range(-3, 0, 3, 10)[0] != draw_range(-3, 2, 3, 10)[0]
    words = [format_fold(np.log(fold)) for fold in (1, 1.02, 2, 1 / 2, 12.4, 0.31)]
    assert words == ["1", "1", "\u00d72", "\u00f72", "\u00d712", "\u00f73.2"]
