"""A configuration is read with its types, or refused in a line that says where and why."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from pydantic import ValidationError

from seqcast.core.errors import SeqcastError
from seqcast.settings import STAGES, Settings, read_network, read_settings
from seqcast.settings.schema import make_docs, make_schema
from seqcast.settings.written import read_config

ROOT = Path(__file__).parents[1]
BASENJI = {"source": "basenji_h5", "file": "seq.h5"}
# Those of a user lie beside them.
SHIPPED = [ROOT / f"config/{name}.yaml" for name in ("config", "course", "genome", "yeast")]


def refusal(config: dict[str, Any]) -> str:
    with pytest.raises(SeqcastError) as caught:
        read_settings(config)
    return str(caught.value)


def test_nothing_given_is_the_demo() -> None:
    settings = read_settings({})
    assert (settings.run, list(settings.models)) == ("demo", ["default"])
    assert settings.dataset.source == "simulated"
    assert settings.models["default"].preset == "default"
    assert settings.network("default").bin_size == settings.dataset.bin_size == 128
    nothing = dict.fromkeys(("dataset", "train", "models", "predict", "report", "run"))
    assert read_settings(nothing) == settings
    assert read_settings({"models": {"default": None}}) == settings


def test_settings_do_not_change() -> None:
    settings = read_settings({})
    with pytest.raises(ValidationError, match="frozen"):
        settings.run = "other"


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"dataste": {}}, "config: dataste: unknown key (did you mean 'dataset'?)"),
        ({"zzz": 1}, "config: zzz: unknown key"),
        (
            {"dataset": {"windw": 1}},
            "config: dataset.windw: unknown key (did you mean 'window'?)",
        ),
        (
            {"dataset": {"file": "seq.h5"}},
            "config: dataset.file: unknown key; it belongs to dataset.source: basenji_h5",
        ),
        (
            {"dataset": {**BASENJI, "stride": 128}},
            "config: dataset.stride: unknown key; it belongs to dataset.source: simulated",
        ),
        ({"train": {"epoch": 3}}, "config: train.epoch: unknown key (did you mean 'epochs'?)"),
        (
            {"models": {"a": {"train": {"epoch": 3}}}},
            "config: models.a.train.epoch: unknown key (did you mean 'epochs'?)",
        ),
        ({"models": {"a": {"trian": {}}}}, "models.a.trian: unknown key (did you mean 'train'?)"),
        (
            {"models": {"a": {"network": {"downsampel": []}}}},
            "config: models.a.network.downsampel: unknown key (did you mean 'downsample'?)",
        ),
        (
            {"models": {"a": {"network": {"dilated": [{"out": 1, "kernl": 3, "dilation": 1}]}}}},
            "config: models.a.network.dilated.0.kernl: unknown key (did you mean 'kernel'?)",
        ),
        ({"predict": {"splt": "all"}}, "predict.splt: unknown key (did you mean 'split'?)"),
        (
            {"genome_tracks": {"contig": []}},
            "genome_tracks.contig: unknown key (did you mean 'contigs'?)",
        ),
        ({"browse": {"locus": []}}, "browse.locus: unknown key (did you mean 'loci'?)"),
        (
            {"export": {"residuals": True}},
            "export.residuals: unknown key (did you mean 'residual'?)",
        ),
    ],
)
def test_unknown_keys_are_refused_with_a_suggestion(config: dict, message: str) -> None:
    assert message in refusal(config)


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (
            {"dataset": {"source": "bsenji"}},
            "config: dataset.source: found 'bsenji', wanted simulated or basenji_h5 or genome"
            " (did you mean 'basenji_h5'?)",
        ),
        ({"dataset": {"source": []}}, "wanted simulated or basenji_h5"),
        ({"dataset": {"source": ["simulated"]}}, "config: dataset.source: found ['simulated']"),
        ({"dataset": 5}, "config: dataset: found 5"),
        ({"dataset": {"source": "basenji_h5"}}, "config: dataset.file: is needed and not given"),
        (
            {"dataset": {"window": 1000}},
            "config: dataset.window is 1,000, which bins of 128 do not divide; 896 or 1,024 would"
            " fit",
        ),
        ({"dataset": {"window": 100}}, "bins of 128 do not divide; 128 would fit"),
        ({"dataset": {"valid": ["chr44"]}}, "did you mean 'chr4'?"),
        ({"dataset": {"valid": ["chr5"]}}, "config: dataset: a chromosome is named twice"),
        ({"dataset": {"test": []}}, "config: dataset: train, valid and test need a chromosome"),
        ({"dataset": {"chromosomes": {"chr4": 9, "chr5": 9, "chr1": 9}}}, "chr4 has 9 bases, less"),
        ({"dataset": {"valid": "chr4"}}, "dataset.valid: found 'chr4', wanted a list"),
        ({"dataset": {**BASENJI, "alphabet": "ACGU"}}, "dataset.alphabet: 'ACGU' is not an order"),
        ({"dataset": {**BASENJI, "sha256": "12"}}, "dataset.sha256: found '12'; string should"),
        ({"dataset": {**BASENJI, "ratio": 0}}, "dataset.ratio: found 0, wanted greater than 0"),
        ({"train": {"epochs": "many"}}, "train.epochs: found 'many', wanted a valid integer"),
        ({"train": {"beta1": 1}}, "config: train.beta1: found 1, wanted less than 1"),
        (
            {"train": {"epochs": 10, "warmup_epochs": 10}},
            "train: warmup_epochs is 10, but there are only 10",
        ),
        (
            {"train": {"snapshots": "evry"}},
            "config: train.snapshots: found 'evry', wanted 'best' or 'every' (did you mean",
        ),
        ({"train": 5}, "config: train: found 5, wanted a mapping"),
        ({"predict": 5}, "config: predict: found 5, wanted a mapping"),
        ({"models": {}}, "config: models: found {}"),
        ({"models": {"a b": {}}}, "config: models.a b: found 'a b'; string should match"),
        ({"models": {"simulated": 5}}, "config: models.simulated: found 5, wanted a mapping"),
        (
            {"models": {"a": {"train": {"epochs": -1}}}},
            "config: models.a.train.epochs: found -1, wanted greater than 0",
        ),
        (
            {"models": {"a": {"preset": "course", "train": {"warmup_epochs": 10}}}},
            "config: models.a.train: warmup_epochs is 10",
        ),
        (
            {"models": {"a": {"network": {"downsample": 5}}}},
            "models.a.network.downsample: found 5, wanted",
        ),
        ({"models": {"a": {"network": {"downsample": [[4, 4, 128]]}}}}, "kernel 4 is even"),
        (
            {"models": {"a": {"network": {"downsample": [[4, 3]]}}}},
            "models.a.network.downsample.0: found",
        ),
        ({"run": "a/b"}, "config: run: found 'a/b'; string should match"),
    ],
)
def test_errors_name_key_found_and_wanted(config: dict, message: str) -> None:
    assert message in refusal(config)


def test_faults_come_one_a_line() -> None:
    lines = refusal({"predict": {"split": "tst"}, "dataset": {"seed": -1, "x": 1}}).splitlines()
    assert len(lines) == 3
    assert all(line.startswith("config: ") for line in lines)
    assert len(refusal({"train": {"epochs": 0, "seed": -1}}).splitlines()) == 2


def test_text_becomes_what_is_declared() -> None:
    # YAML 1.1 reads 1e-3 as text; values on the command line are all text.
    settings = read_settings(
        {
            "train": {"learning_rate": "4e-3", "epochs": "3", "threads": "2"},
            "dataset": {"window": "4096", "stride": "4096", "seed": "7"},
            "predict": {"windows": "1"},
            "models": {"a": {"train": {"snapshots": "every"}}},
        }
    )
    training = settings.training("a")
    assert (training.learning_rate, training.epochs, training.threads) == (0.004, 3, 2)
    assert (settings.dataset.window, settings.dataset.seed) == (4096, 7)
    assert settings.predict.windows == 1


def test_numbers_are_no_names() -> None:
    # Of `--config run=2024_01_05` Snakemake keeps 20240105.
    message = "run: found 20240105, wanted text; of a command line Snakemake reads a number"
    assert message in refusal({"run": 20240105})
    assert "report.title: found 1.5, wanted text" in refusal({"report": {"title": 1.5}})


NAMES = ["1_1", "no", "Y", "0x1F", "1:30", "2024-01-05", "010", "1e5", "2.0", ".5", "true", "-1"]


def test_what_is_a_name_by_declaration_keeps_its_letters(tmp_path: Path) -> None:
    path, other = tmp_path / "mine.yaml", tmp_path / "other.yaml"
    path.write_text(
        "run: 2024_01_05\n"
        "dataset: {source: genome, fasta: 1e5, targets: a.tsv, window: 1_024, md5: {},\n"
        f"  split: {{valid: [{', '.join(NAMES)}], test: ['null']}}}}\n"
        "models: {on: , 2_0: {train: {epochs: 010, reverse_complement: yes}}}\n"
    )
    other.write_text(f"dataset: {{md5: {{1_1: {'1' * 32}, NO: '{'a' * 32}'}}}}\n")
    settings = read_settings(read_config([path, other], {"dataset": {"window": "2048"}}))
    assert (settings.run, settings.dataset.fasta) == ("2024_01_05", "1e5")
    assert settings.dataset.split.valid == tuple(NAMES)
    assert settings.dataset.split.test == ("null",)
    assert settings.dataset.md5 == {"1_1": "1" * 32, "NO": "a" * 32}
    assert list(settings.models) == ["on", "2_0"]
    assert settings.dataset.window == 2048
    assert settings.training("2_0").epochs == 10
    assert settings.training("2_0").reverse_complement


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a: 1\nb: {c: 2, c: 3}\n", "line 2: the key 'c' stands twice"),
        ("- a\n", "wanted a mapping"),
        ("a: [1\n", "line 2: expected ',' or ']'"),
        ("a: b\0\n", "cannot be read as YAML"),
        ("a: " + "[" * 5000, "cannot be read as YAML"),
        ("a: !!python/object:os.system {}\n", "line 1: could not determine a constructor"),
    ],
)
def test_what_is_no_config_ends_in_one_line(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(text)
    with pytest.raises(SeqcastError) as caught:
        read_config([path], {})
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_configs_that_snakemake_reads_right_are_read_the_same() -> None:
    for path in SHIPPED:
        assert read_settings(read_config([path], {})) == read_settings(
            yaml.safe_load(path.read_text())
        )


def test_what_stands_nearest_the_model_wins() -> None:
    settings = read_settings(
        {
            "train": {"epochs": 5, "seed": 3},
            "models": {
                "a": {"preset": "course"},
                "b": {"preset": "course", "train": {"epochs": 20, "batch_size": 2}},
            },
        }
    )
    a, b = settings.training("a"), settings.training("b")
    assert (a.epochs, a.seed, a.batch_size) == (5, 3, 8)
    assert (b.epochs, b.seed, b.batch_size) == (20, 3, 2)
    assert (a.beta1, b.beta1) == (0.97, 0.97)


def test_train_need_not_be_whole_without_its_models() -> None:
    config = {"train": {"warmup_epochs": 12}, "models": {"a": {"train": {"epochs": 20}}}}
    assert read_settings(config).training("a").warmup_epochs == 12


def test_a_preset_is_changed_part_by_part() -> None:
    blocks = [[8, 5, 16], {"out": 8, "kernel": 3, "stride": 8, "dropout": "0.5"}]
    settings = read_settings({"models": {"a": {"network": {"downsample": blocks}}}})
    network = settings.network("a")
    assert network.strides == (16, 8)
    assert [block.dropout for block in network.downsample] == [0.0, 0.5]
    assert network.dilated == read_settings({}).network("default").dilated


def test_of_a_preset_of_another_kind_is_kept_what_both_have() -> None:
    network = read_settings({"models": {"a": {"network": {"kind": "gated"}}}}).network("a")
    preset = read_settings({}).network("default")
    assert (network.kind, preset.kind) == ("gated", "pooled")
    assert network.downsample == preset.downsample
    assert "head_dropout" not in network.model_dump()


def test_strides_make_the_bins() -> None:
    blocks = [[48, 21, 2], [60, 7, 4], [76, 7, 4], [96, 7, 4]]
    models = {"default": {"network": {"downsample": blocks}}}
    message = refusal({"dataset": {"bin_size": 64}, "models": models})
    assert "models.default: its strides 2 x 4 x 4 x 4 make bins of 128 bases" in message
    assert "dataset.bin_size is 64; set dataset.bin_size: 128, or choose strides" in message


@pytest.mark.parametrize("bin_size", [16, 32, 64, 128, 256, 100])
@pytest.mark.parametrize("preset", ["course", "default"])
def test_a_preset_follows_the_bin_size(preset: str, bin_size: int) -> None:
    dataset = {"bin_size": bin_size, "window": 3200 * 4, "stride": 3200 * 4}
    settings = read_settings({"dataset": dataset, "models": {"a": {"preset": preset}}})
    network = settings.network("a")
    assert network.bin_size == bin_size


def test_the_largest_strides_stay_where_they_are() -> None:
    dataset = {"bin_size": 32}
    models = {"a": {"preset": "course"}, "b": {}}
    settings = read_settings({"dataset": dataset, "models": models})
    strides = {name: list(settings.network(name).strides) for name in models}
    assert strides == {"a": [2, 2, 2, 4], "b": [4, 2, 4, 1]}


def test_a_bin_size_no_strides_suit_is_refused() -> None:
    dataset = {"bin_size": 127, "window": 12700, "stride": 12700}
    models = {"a": {"preset": "course"}}
    assert "dataset.bin_size is 127" in refusal({"dataset": dataset, "models": models})


@pytest.mark.parametrize("name", [*STAGES, "logs", "observed"])
def test_names_of_folders_are_taken(name: str) -> None:
    assert f"models.{name}: {name!r} is a name seqcast uses itself" in refusal(
        {"models": {name: {}}}
    )


def test_an_epoch_must_be_kept_to_be_predicted_with() -> None:
    assert "keeps only the best" in refusal({"predict": {"checkpoint": "3"}})
    kept = {"train": {"snapshots": "every", "epochs": 10}, "predict": {"checkpoint": "10"}}
    assert read_settings(kept).predict.checkpoint == "10"
    for epoch in (0, 11):
        message = refusal({**kept, "predict": {"checkpoint": str(epoch)}})
        assert f"epoch {epoch}, but models.default trains for epochs 1 to 10" in message


def test_receptive_field_by_hand() -> None:
    network = {
        "kind": "gated",
        "downsample": [[1, 5, 4], [1, 3, 2]],
        "dilated": [[1, 3, 1], [1, 3, 4]],
    }
    # 1 + 4 + 2 * 4 for the downsample, 2 * 8 and 2 * 4 * 8 beyond it
    assert read_network(network).receptive_field == 93
    # and 3 + 1 * 4 by pooling
    pooled = network | {"kind": "pooled"}
    assert read_network(pooled).receptive_field == 100


def test_members_are_folds_times_replicates() -> None:
    dataset = {
        "source": "genome",
        "fasta": "g.fa",
        "targets": "t.tsv",
        "split": {"folds": 3},
    }
    models = {"one": {}, "two": {"replicates": 2, "train": {"seed": 5}}}
    settings = read_settings({"dataset": dataset, "models": models})
    assert list(settings.members)[:4] == ["one.f1", "one.f2", "one.f3", "two.f1.r1"]
    assert len(settings.members) == 9
    assert [settings.training(name).seed for name in ("two.f2.r1", "two.f2.r2", "two")] == [5, 6, 5]
    single = read_settings({"models": models})
    assert list(single.members) == ["one", "two.r1", "two.r2"]
    assert "every window is predicted" in refusal({"dataset": dataset, "predict": {"split": "all"}})


@pytest.mark.parametrize(
    ("split", "message"),
    [
        ({}, "dataset.split: valid and test need a chromosome each; or set folds: 5"),
        ({"valid": ["a"], "test": ["a"]}, "dataset.split: a is named twice"),
        ({"folds": 5, "test": ["a"]}, "leave out valid and test"),
        ({"folds": 2}, "dataset.split.folds: found 2"),
        ({"tset": ["a"]}, "dataset.split.tset: unknown key (did you mean 'test'?)"),
    ],
)
def test_splits_are_checked(split: dict[str, Any], message: str) -> None:
    dataset = {"source": "genome", "fasta": "g.fa", "targets": "t.tsv", "split": split}
    assert message in refusal({"dataset": dataset})


def test_schema_and_code_agree() -> None:
    path = ROOT / "workflow/schemas/config.schema.json"
    assert json.loads(path.read_text()) == make_schema(), "run `make schema`"


def test_docs_and_code_agree() -> None:
    assert (ROOT / "docs/config.md").read_text() == make_docs(), "run `make schema`"


@pytest.mark.parametrize(
    ("browse", "told"),
    [
        ({"loci": ["chr1:1-"]}, "'chr1:1-' is no place"),
        ({"loci": ["gene=chr1:a-b"]}, "'gene=chr1:a-b' is no place"),
        ({"annotation": ["reads.bam"]}, "'reads.bam' is of no kind that can be shown"),
        ({"annotation": ["a/g.bed", "b/g.bed"]}, "2 files are called g.bed"),
    ],
)
def test_what_pages_cannot_show_is_told_at_once(browse: dict[str, list[str]], told: str) -> None:
    with pytest.raises(SeqcastError, match=told):
        read_settings({"browse": browse})


def test_places_and_annotation_that_can_be_shown() -> None:
    loci = ["chr1:1,000-20,000", "my gene=HLA-A*01:1-9", "chrM"]
    files = ["https://example.org/g.gtf.gz?x=1.2", "peaks.narrowPeak", "genes.GFF3"]
    assert read_settings({"browse": {"loci": loci, "annotation": files}}).browse.loci == tuple(loci)


def test_every_key_has_a_meaning() -> None:
    rows = [line for line in make_docs().splitlines() if line.startswith("| `")]
    assert len(rows) > 40
    assert [row for row in rows if row.rstrip("| ").count("|") < 4 or row.endswith("|  |")] == []


SCHEMA = jsonschema.Draft202012Validator(make_schema())


@pytest.mark.parametrize("path", SHIPPED, ids=lambda p: p.name)
def test_configs_fit_schema_and_code(path: Path) -> None:
    config = yaml.safe_load(path.read_text())
    SCHEMA.validate(config)
    assert isinstance(read_settings(config), Settings)


@pytest.mark.parametrize(
    "config",
    [
        {"train": {"learning_rate": "1e-3", "epochs": 2}},
        {"train": None, "models": {"a": None}},
        {"dataset": {"window": 1024}},
        {"dataset": BASENJI},
        {"predict": {"checkpoint": "best"}},
        {"models": {"a": {"network": {"dilated": [[4, 3, 1, 0.1], [4, 3, 2]]}}}},
        {"models": {"a": {"network": {"dilated": [{"out": 4, "kernel": 3, "dilation": 1}]}}}},
    ],
)
def test_schema_takes_what_code_takes(config: dict) -> None:
    read_settings(config)
    SCHEMA.validate(config)


@pytest.mark.parametrize(
    "config",
    [
        {"trian": {}},
        {"train": {"epoch": 2}},
        {"train": {"learning_rate": "fast"}},
        {"train": {"epochs": 0}},
        {"models": {"a": {"train": {"epoch": 2}}}},
        {"models": {"a": {"network": {"downsample": []}}}},
        {"models": {"a": {"network": {"dilated": [[4, 3]]}}}},
        {"models": {"a": {"network": {"dilated": [[4, 3, 1, 2]]}}}},
        {"models": {"a b": {}}},
        {"dataset": {"source": "basenji_h5"}},
        {"dataset": {"file": "seq.h5"}},
        {"predict": {"split": "tst"}},
    ],
)
def test_schema_refuses_what_code_refuses(config: dict) -> None:
    refusal(config)
    assert not SCHEMA.is_valid(config)


def test_shown_defaults_of_training_are_those_of_a_run() -> None:
    used = read_settings({}).training("default").model_dump(mode="json")
    shown = make_schema()["$defs"]["TrainSettings"]["properties"]
    assert {key: field.get("default") for key, field in shown.items()} == used
    for key in ("epochs", "learning_rate", "clip_norm", "max_jitter"):
        (row,) = [line for line in make_docs().splitlines() if line.startswith(f"| `{key}` |")]
        assert f"| `{json.dumps(used[key])}`; `course`: " in row
