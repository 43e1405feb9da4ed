"""What an edit, a touch, a clone or another branch reruns: real dry runs over finished results."""

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from edits import edit_messages, edit_numbers
from project import TINY, Project, make_project
from pydantic import ValidationError

from seqcast.settings.training import TrainSettings

FIGURES = {"browse_tracks", "report", "first_look"}
TRAINED = {
    "train_model", "predict_model", "evaluate_model", "export_tracks", "browse_tracks", "report",
}  # fmt: skip


def find_other(key: str) -> object:
    """Return a value that a key of `train` takes and that is not its default."""
    for value in (True, 2, "cpu"):
        with suppress(ValidationError):
            other = getattr(TrainSettings(**{key: value}), key)
            if other != getattr(TrainSettings(), key):
                return other
    raise AssertionError(key)


def find_modules(project: Project, name: str) -> list[Path]:
    """Return the files of a module of the library, be it a file or a folder."""
    library = project.folder / "scripts/seqcast"
    return sorted([*library.glob(f"{name}.py"), *library.glob(f"{name}/**/*.py")])


def add_line(source: str) -> str:
    return f"{source}\nchanged = True\n"


def add_comment(source: str) -> str:
    return f"{source}\n# changed\n"


@contextmanager
def edited(*paths: Path, edit: Callable[[str], str] = add_line) -> Iterator[None]:
    """Edit files, and take it back; their dates stay new."""
    kept = {path: path.read_bytes() for path in paths}
    assert kept
    for path in paths:
        path.write_text(edit(path.read_text()))
    try:
        yield
    finally:
        for path, content in kept.items():
            path.write_bytes(content)


def touch_all(folder: Path) -> None:
    """Give all files of the project, not of its results, the date of now."""
    for path in folder.rglob("*"):
        if path.is_file() and not {".snakemake", "results"} & set(path.relative_to(folder).parts):
            path.touch()


@pytest.mark.parametrize("name", ["nn", "nn/loss", "data/sampling", "training", "nn/checkpoint"])
def test_what_a_model_learns_by_retrains_it(finished: Project, name: str) -> None:
    with edited(*find_modules(finished, name)):
        jobs = finished.jobs()
    assert set(jobs) >= TRAINED
    assert not {"dataset", "validate_source", "fit_baseline"} & set(jobs)


@pytest.mark.parametrize(
    ("part", "rerun"),
    [
        ("scripts/seqcast/tracks/style.py", FIGURES),
        ("scripts/seqcast/genome/bigwig/zooms.py", {"export_tracks", "browse_tracks", "report"}),
        ("scripts/seqcast/evaluate/metrics/formulas.py", {"evaluate_model", *FIGURES}),
        ("workflow/report/page.html.j2", {"report"}),
    ],
)
def test_what_is_made_of_a_model_does_not_retrain_it(
    finished: Project, part: str, rerun: set[str]
) -> None:
    with edited(finished.folder / part):
        assert set(finished.jobs()) == rerun


def test_what_reaches_no_result_reruns_nothing(finished: Project) -> None:
    """Comments in rules and configs, environments that are not in use, how a log looks."""
    folder = finished.folder
    texts = [*folder.glob("workflow/rules/*.smk"), *folder.glob("envs/*.yaml")]
    with (
        edited(folder / "Snakefile", finished.config, *texts, edit=add_comment),
        edited(folder / "scripts/seqcast/core/console.py"),
    ):
        assert finished.jobs() == {}


@pytest.mark.parametrize("edit", [add_comment, edit_messages])
def test_edited_words_rerun_nothing(finished: Project, edit: Callable[[str], str]) -> None:
    """Of each script and module: comments, docstrings, messages of the log and of errors."""
    with edited(*finished.folder.glob("scripts/**/*.py"), edit=edit):
        assert finished.jobs() == {}


def test_edited_numbers_rerun_everything(finished: Project) -> None:
    library = finished.folder / "scripts/seqcast"
    # What the Snakefile itself imports has to go on working.
    own = {*library.glob("settings/*.py"), *library.glob("core/*.py"), library / "__init__.py"}
    with edited(*{*library.glob("**/*.py")} - own, edit=edit_numbers):
        assert set(finished.jobs()) == {
            "dataset",
            "validate_source",
            "fit_baseline",
            *TRAINED,
            "first_look",
        }


def test_other_sources_rerun_nothing(finished: Project) -> None:
    library = finished.folder / "scripts/seqcast"
    others = [*library.glob("sources/locating/*.py"), library / "sources/basenji/writing.py"]
    with edited(
        *others, library / "sources/genome/bigwig.py", library / "sources/validation/genome.py"
    ):
        assert not set(finished.jobs()) & {"dataset", "validate_source", "train_model"}


def test_what_is_explained_makes_the_pages_anew(finished: Project) -> None:
    (dataset,) = finished.folder.glob("results/*/dataset/dataset.h5")
    folder = dataset.parents[1] / "explain"
    folder.mkdir()
    for name in ("explain.json", "summary.tsv"):
        (folder / name).touch()
    try:
        assert set(finished.jobs()) == {"browse_tracks", "report"}
    finally:
        shutil.rmtree(folder)
    assert finished.jobs() == {}


def test_touching_everything_reruns_nothing(finished: Project) -> None:
    touch_all(finished.folder)
    assert finished.jobs() == {}


def test_another_way_to_the_project_reruns_nothing(finished: Project, tmp_path: Path) -> None:
    """The profile and the digests of code are those of the folder, however it is called."""
    (tmp_path / "link").symlink_to(finished.folder)
    touch_all(finished.folder)
    words = ("--snakefile", "link/config/../Snakefile", "--directory", str(finished.folder))
    assert Project(tmp_path, finished.config).jobs(*words) == {}


def test_a_fresh_clone_over_old_results_reruns_nothing(finished: Project, tmp_path: Path) -> None:
    clone = make_project(tmp_path, TINY)
    touch_all(clone.folder)
    for part in ("results", ".snakemake"):
        shutil.copytree(finished.folder / part, clone.folder / part)
    assert clone.jobs() == {}
    # Of results alone Snakemake knows only their dates.
    shutil.rmtree(clone.folder / ".snakemake")
    assert clone.jobs() == {}


@pytest.mark.skipif(shutil.which("git") is None, reason="there is no git")
def test_another_branch_and_back_reruns_nothing(finished: Project) -> None:
    def git(*words: str) -> None:
        who = ("-c", "user.name=a", "-c", "user.email=a@example.org")
        command = ["git", "-C", str(finished.folder), *who, *words]
        subprocess.run(command, check=True, capture_output=True)

    loss, style = find_modules(finished, "nn/loss"), find_modules(finished, "tracks/style")
    before = loss[0].stat().st_mtime_ns
    (finished.folder / ".gitignore").write_text("results/\n.snakemake/\n__pycache__/\n")
    git("init", "-b", "main")
    git("add", ".")
    git("commit", "-m", "as it was")
    git("checkout", "-b", "other")
    for path in (*loss, *style):
        path.write_text(add_line(path.read_text()))
    git("commit", "-a", "-m", "changed")
    assert set(finished.jobs()) >= TRAINED
    git("checkout", "main")
    assert loss[0].stat().st_mtime_ns > before
    assert finished.jobs() == {}


def test_where_a_model_is_trained_retrains_nothing(finished: Project) -> None:
    others = {key: find_other(key) for key in TrainSettings.UNTRACKED}
    entry = TINY["models"]["default"]
    model = {**entry, "train": {**entry["train"], **others}}
    finished.write_config({**TINY, "models": {"default": model}})
    elsewhere = finished.jobs()
    model["train"]["epochs"] = 3
    finished.write_config({**TINY, "models": {"default": model}})
    longer = finished.jobs()
    finished.write_config(TINY)
    assert elsewhere == {}
    assert set(longer) == TRAINED


def test_what_changes_no_prediction_predicts_nothing_again(finished: Project) -> None:
    bed = finished.folder / "my.bed"
    bed.write_text("chrA\t0\t100\n")
    finished.write_config({**TINY, "predict": {"regions": str(bed), "batch_size": 3}})
    jobs = finished.jobs("report")
    finished.write_config(TINY)
    assert jobs == {}


def test_another_content_of_a_checkpoint_is_predicted_with(
    throwaway: Project, tmp_path: Path
) -> None:
    model = tmp_path / "model.safetensors"
    shutil.copy(throwaway.results / "default/train/model.safetensors", model)
    throwaway.write_config({**TINY, "predict": {"checkpoint": str(model)}})
    throwaway.snakemake("predict", "--resources", "gpu=1")
    os.utime(model, (2e9, 2e9))
    assert throwaway.jobs("predict") == {}
    # Another value of the last weight, in a file that is older than all that was made of it.
    content = bytearray(model.read_bytes())
    content[-1] ^= 1
    model.write_bytes(content)
    os.utime(model, (1, 1))
    assert throwaway.jobs("predict") == {"predict": 1, "predict_model": 1}
    model.unlink()
    assert f"predict.checkpoint: there is no file {model}" in throwaway.snakemake("-n", check=False)


def test_conda_is_another_mode_that_reruns_everything(finished: Project, conda: str) -> None:
    jobs = finished.jobs("--sdm", "conda", PATH=conda)
    assert set(jobs) == {"dataset", "validate_source", "fit_baseline", "first_look", *TRAINED}
