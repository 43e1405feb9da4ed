"""What jobs ask for grows with attempts and with the size of a run."""

import json
from dataclasses import asdict, fields, replace
from pathlib import Path

import pytest
from genomes import write_genome
from hypothesis import given
from hypothesis import strategies as st

from seqcast.settings import read_settings
from seqcast.settings.resources import (
    JOBS,
    Size,
    add_asked,
    read_size,
    request_memory,
    request_minutes,
)
from seqcast.sources.validation.genome import validate_genome
from seqcast.sources.validation.verdict import conclude
from seqcast.variants.parts import Part, write_plan

RULES = st.sampled_from(sorted(JOBS))
COUNTS = st.integers(0, 10**4)
SIZES = st.builds(
    Size,
    **{field.name: COUNTS for field in fields(Size)}
    | {name: st.integers(1, 20) for name in ("folds", "models", "members")}
    | {"memory": st.floats(0, 1e12), "seconds": st.floats(0, 1e6)},
)
# hg38 with Basenji2's targets, a chromosome for tests.
LARGE = Size(5313, 131_072, 1024, 3_100_000_000, 249_000_000, 200_000_000)


def ask(rule: str, attempt: int, size: Size, batch: int = 8) -> tuple[int, int]:
    return request_memory(rule, attempt, size, batch), request_minutes(rule, attempt, size)


@given(RULES, st.integers(1, 8), SIZES)
def test_each_attempt_asks_for_no_less_and_never_for_less_than_the_table(
    rule: str, attempt: int, size: Size
) -> None:
    memory, minutes = ask(rule, attempt, size)
    assert memory >= 1000 * JOBS[rule].memory
    assert minutes >= JOBS[rule].minutes
    more = ask(rule, attempt + 1, size)
    assert more[0] >= memory
    assert more[1] >= minutes
    assert ask(rule, 100, size)[0] == 4 * ask(rule, 1, size)[0]
    assert ask(rule, 100, Size())[1] == 1440
    # As many models, and of each place as many members, or more.
    double = Size(**{key: 2 * value for key, value in asdict(size).items()})
    double = replace(double, folds=1, models=size.models)
    for asked, other in zip(ask(rule, 1, size), ask(rule, 1, double), strict=True):
        assert other >= asked
    if rule == "dataset":
        assert memory >= int(size.memory / 1e6)
        assert minutes >= int(size.seconds / 60)


def test_numbers_of_runs_of_known_size() -> None:
    assert ask("dataset", 1, Size()) == (8000, 120)
    assert (ask("dataset", 2, Size())[0], ask("train_model", 2, Size())[1]) == (16000, 480)
    # Half as much memory again as is forecast, three times the time.
    assert ask("dataset", 1, Size(memory=2e10, seconds=9000.0)) == (30_000, 450)
    # 0.4 GB, 1,500 bytes a base of a batch, 20 copies of its bins of all targets.
    batch = 1500 * 131_072 + 20 * 4 * 1024 * 5313
    wanted = round(1.5 * (4e8 + 32 * batch) / 1e6)
    assert ask("train_model", 1, LARGE, batch=32)[0] == wanted == 30_929
    # Long windows of many bins, as Borzoi's.
    longer = replace(LARGE, window=524_288, bins=16_384)
    assert ask("train_model", 1, longer)[0] == 93_603
    assert ask("train_model", 1, LARGE)[0] == 16_000
    # 35 ns a base of tests and target, three times that.
    assert ask("evaluate_model", 1, LARGE)[1] == round(3 * 35e-9 * 2e8 * 5313 / 60) == 1860
    assert ask("genome_tracks_join", 1, replace(LARGE, models=3))[1] == 317
    assert ask("export_tracks", 1, replace(LARGE, targets=10)) == (4000, 60)


def test_what_models_are_asked_counts(tmp_path: Path) -> None:
    plan = tmp_path / "plan.json"
    size = add_asked(LARGE, read_settings({}), plan)
    assert size == replace(
        LARGE,
        explained=5313,
        regions=300,
        width=1024,
        stretches=300 * 1024 // 50,
        varied=5313,
        shown=5 * 5313,
        backgrounds=100,
    )
    part = Part("1", "variants", 2000, "")
    write_plan(plan, [part, replace(part, alleles=30)], {})
    settings = read_settings({"explain": {"targets": ["a", ["b", "c"]], "most": 500}})
    size = add_asked(LARGE, settings, plan)
    # TF-MoDISco takes 5,000 of either sign at most.
    found = size.explained, size.regions, size.stretches, size.alleles
    assert found == (2, 500, 10_000, 2030)
    assert add_asked(LARGE, read_settings({"explain": {"regions": "mine.bed"}}), plan).regions == 0
    # 50 us a base of a window that is explained; what goes on asks for a day at most.
    assert ask("explain_member", 1, size)[1] == round(3 * 5e-5 * 131_072 * 1000 / 60) == 328
    assert ask("explain_member", 1, replace(size, regions=5000))[1] == 1440
    # 1.3 ns a base of an allele's window and target, and of the network as of 500 of them.
    more = replace(size, alleles=10_000)
    assert ask("variants_member", 1, more)[1] == round(3 * 1.3e-9 * 131_072 * 10_000 * 5813 / 60)


def test_joins_hold_what_is_listed_of_all_targets(tmp_path: Path) -> None:
    models = {"a": {"replicates": 3}, "b": {}}
    size = add_asked(LARGE, read_settings({"models": models}), tmp_path / "plan.json")
    assert (size.models, size.members) == (2, 4)
    genome = {"source": "genome", "fasta": "a.fa", "targets": "a.tsv", "window": 131_072}
    folds = read_settings({"dataset": {**genome, "split": {"folds": 3}}})
    # A region is explained by the one member that it was held out from.
    assert add_asked(LARGE, folds, tmp_path / "plan.json").members == 1
    # 2 kB a region and model, 2.3 us a base of it and member: some hours.
    regions = 300 * 5313
    memory, minutes = ask("explain_join", 1, size)
    assert memory == round(1.5 * 2000 * regions * 2 / 1e6) == 9563
    assert minutes == round(3 * 2.3e-6 * 1024 * regions * 4 / 60) == 751
    # 10 bytes a base, 6 us; 8 ms of each of 6,144 stretches, more than a day of all.
    assert ask("motifs_hits", 1, size) == (48_965, 979)
    assert ask("motifs_discover", 1, size) == (8000, 1440)
    assert ask("motifs_discover", 1, replace(size, regions=100_000))[0] == 16_896
    # 0.8 MB a target and member, 11 us an allele, target and model.
    assert ask("variants_join", 1, replace(size, alleles=10_000)) == (25_502, 58)
    assert ask("motifs_effects", 1, size) == (6376, 30)
    # What is asked of ten targets is asked by the table.
    size = add_asked(replace(LARGE, targets=10), read_settings({}), tmp_path / "plan.json")
    for rule in ("explain_join", "variants_join", "motifs_hits", "motifs_effects"):
        assert ask(rule, 1, size) == (1000 * JOBS[rule].memory, JOBS[rule].minutes)


def test_windows_side_by_side_need_memory() -> None:
    """Variants of a window are computed together, over all bins and targets, a window a core."""
    wanted = 4e8 + 8 * (1500 * 131_072 + 340 * 4 * 1024 * 5313)
    assert ask("variants_member", 1, LARGE)[0] == round(1.5 * wanted / 1e6) == 91_748
    # One that explains has one window at a time, whatever the batch.
    assert ask("explain_member", 1, LARGE, batch=64)[0] == 8000


def test_the_size_is_what_validation_says(tmp_path: Path) -> None:
    path = tmp_path / "validation.json"
    assert read_size(path) == read_size("") == Size()
    for broken in ("{", "[]", "{}", '{"contigs": 3}'):
        path.write_text(broken)
        assert read_size(path) == Size()
    files = write_genome(tmp_path / "files")
    found = validate_genome(files.settings(), files.inputs())
    conclude(found, path, tmp_path / "verdict.txt")
    size = read_size(path)
    assert size == Size(
        2, 256, 16, 4096 + 2100 + 1777, 4096, 1777, 1, found.forecast["memory"], size.seconds
    )
    assert size.seconds == pytest.approx(found.forecast["seconds"])
    parts = {"part 1": 3000, "part 2": 2900, "part 3": 2000}
    path.write_text(json.dumps(content := json.loads(path.read_text()) | {"split_bases": parts}))
    assert (read_size(path).tested, read_size(path).folds) == (7900, 3)
    # Data that come as windows.
    content |= {"contigs": {}, "split_bases": {}, "forecast": {}, "windows": {"test": 3}}
    path.write_text(json.dumps(content))
    assert read_size(path) == Size(2, 256, 16, tested=3 * 256)
