"""Files that are whole pass, files that are broken are refused in a line that says how to mend."""

from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from broken_files import (
    BINS,
    HG38,
    TARGETS,
    WINDOW,
    WINDOWS,
    YEAST,
    encode,
    find_data,
    make_arrays,
    make_dna,
    no_permission,
    write_file,
)
from tiny import read_whole, replace_coverage

from seqcast.core.errors import SeqcastError
from seqcast.core.seal import seal
from seqcast.data import Contigs, DatasetWriter, make_windows, read_dataset
from seqcast.data.targets import Targets
from seqcast.genome.codes import reverse_complement
from seqcast.settings import BasenjiSettings
from seqcast.sources.findings import Validation, read_validation
from seqcast.sources.validation import make_verdict, validate, validate_dataset


def check(path: Path, *, head: int | None = None, **settings: Any) -> Validation:
    return validate(BasenjiSettings(file=str(path), **settings), path, head=head)


@pytest.fixture
def arrays() -> dict[str, np.ndarray]:
    return make_arrays()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "seq.h5"


def refusal(found: Validation) -> str:
    """Return the one refusal, after checking that it is raised and shown as such."""
    assert len(found.refusals) == 1, found.refusals
    assert found.refusals
    with pytest.raises(SeqcastError) as caught:
        found.raise_if_refused()
    assert str(caught.value) == found.refusals[0]
    assert "\n" not in found.refusals[0]
    assert make_verdict(found).endswith("verdict: refused, 1 fault\n")
    assert Validation.from_json(found.to_json()) == found
    return found.refusals[0]


def test_whole_file_is_fit(path: Path, arrays: dict[str, np.ndarray]) -> None:
    found = check(write_file(path, arrays))
    assert found.refusals == found.warnings == found.overlaps == ()
    assert found.windows == WINDOWS
    assert (found.window, found.bins, found.bin_size, found.crop) == (WINDOW, BINS, 128, 0)
    assert found.alphabet is not None
    assert found.alphabet.possible == ("ACGT",)
    assert make_verdict(found).endswith("verdict: fit for training\n")
    assert Validation.from_json(found.to_json()) == found


def test_json_is_read_back_or_refused(path: Path, arrays: dict[str, np.ndarray]) -> None:
    found = check(write_file(path, arrays))
    report = path.with_name("validation.json")
    report.write_text(found.to_json())
    assert read_validation(report) == found
    for text in ("", "[1]", '{"file": "x"}'):
        report.write_text(text)
        with pytest.raises(SeqcastError, match="is not the JSON of a validation"):
            read_validation(report)


def test_target_findings_are_those_of_the_arrays(path: Path, arrays: dict[str, np.ndarray]) -> None:
    arrays["train_out"][:, :5] = 0
    arrays["test_out"][0, 0, 1] = 500
    found = check(write_file(path, arrays)).targets
    train = arrays["train_out"].astype(np.float64)
    assert [target.name for target in found] == ["one", "two +", "two -"]
    assert [target.mean for target in found] == pytest.approx(train.mean(axis=(0, 1)))
    assert [target.zeros for target in found] == pytest.approx((train == 0).mean(axis=(0, 1)))
    assert found[1].max == 500


def test_verdict_shows_every_key_with_shape_and_dtype(
    path: Path, arrays: dict[str, np.ndarray]
) -> None:
    text = make_verdict(check(write_file(path, arrays)))
    for name, array in arrays.items():
        line = next(line for line in text.splitlines() if f"/{name} " in line)
        assert str(array.shape) in line
        assert line.endswith(str(array.dtype))
    assert max(map(len, text.splitlines())) <= 100


def truncate(path: Path) -> None:
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (truncate, "is cut short"),
        (lambda path: path.write_bytes(b""), "is empty (0 bytes); copy or download it again"),
        (lambda path: path.write_bytes(b"chrom\tstart\n"), "is not an HDF5 file: it begins with"),
        (lambda path: path.write_bytes(b"<!DOCTYPE html>"), "it begins with a web page"),
        (lambda path: path.unlink(), "cannot be opened (No such file or directory)"),
        (lambda path: path.write_bytes(path.read_bytes()[:700]), "download it again"),
    ],
)
def test_unreadable_file_is_refused(
    path: Path, arrays: dict[str, np.ndarray], damage: Any, message: str
) -> None:
    damage(write_file(path, arrays))
    assert message in refusal(check(path))


def test_file_without_permission_is_refused(path: Path, arrays: dict[str, np.ndarray]) -> None:
    with no_permission(write_file(path, arrays)):
        found = check(path)
    assert "cannot be opened (Permission denied)" in refusal(found)


def test_folder_is_refused(path: Path) -> None:
    path.mkdir()
    assert "cannot be opened (Is a directory)" in refusal(check(path))


def test_damaged_chunk_is_refused_with_its_place(path: Path, arrays: dict[str, np.ndarray]) -> None:
    write_file(path, arrays)
    with h5py.File(path) as file:
        chunk = file["train_out"].id.get_chunk_info(6)
    content = bytearray(path.read_bytes())
    content[chunk.byte_offset : chunk.byte_offset + chunk.size] = bytes(chunk.size)
    path.write_bytes(content)
    assert "seq.h5: /train_out cannot be read at rows 6 to 6" in refusal(check(path))


def delete(key: str) -> Any:
    return lambda arrays: arrays.pop(key)


def put(key: str, change: Any) -> Any:
    return lambda arrays: arrays.update({key: change(arrays[key])})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (delete("valid_in"), "seq.h5: has no /valid_in; found /target_labels, /test_in"),
        (lambda arrays: arrays.clear(), "has no /train_in nor /train_out nor /valid_in"),
        (
            put("valid_out", lambda x: x[:, :31]),
            "/valid_out has shape (4, 31, 3), but /train_out has (10, 32, 3)",
        ),
        (put("train_in", lambda x: x[:9]), "/train_in has 9 windows, but /train_out has 10"),
        (put("test_in", lambda x: x[:, :, :3]), "/test_in has shape (4, 4096, 3), wanted (windows"),
        (put("test_out", lambda x: x[0]), "/test_out has shape (32, 3), wanted (windows, bins"),
        (put("target_labels", lambda x: x[:2]), "/target_labels has 2 names, expected 3"),
        (put("target_labels", lambda x: np.arange(3)), "/target_labels is not a list of names"),
        (put("train_in", lambda x: x.astype("S1")), "/train_in has dtype |S1, wanted bool"),
        (put("test_out", lambda x: x.astype("S4")), "/test_out has dtype |S4, wanted float16"),
        (put("train_out", lambda x: x.astype(complex)), "/train_out has dtype complex128"),
        (
            lambda arrays: arrays.update(pool_width=np.array(64)),
            "/pool_width is 64, but dataset.bin_size is 128; set dataset.bin_size: 64",
        ),
    ],
)
def test_wrong_layout_is_refused(
    path: Path, arrays: dict[str, np.ndarray], change: Any, message: str
) -> None:
    change(arrays)
    assert message in refusal(check(write_file(path, arrays)))


@pytest.mark.parametrize(
    ("bins", "message"),
    [
        (31, "/train_out has 31 bins, expected 32 (4096 / 128); rebuild it or set dataset.bin_"),
        (64, "/train_out has 64 bins, expected 32 (4096 / 128); rebuild it or set dataset.bin_size"
         " (64 would fit)"),
        (14, "/train_out has 14 bins, expected 32"),
    ],
)  # fmt: skip
def test_bins_that_do_not_fit_are_refused(
    path: Path, arrays: dict[str, np.ndarray], bins: int, message: str
) -> None:
    for split in WINDOWS:
        arrays[f"{split}_out"] = np.resize(arrays[f"{split}_out"], (WINDOWS[split], bins, TARGETS))
    assert message in refusal(check(write_file(path, arrays)))


def test_no_windows_and_no_windows_left_are_refused(
    path: Path, arrays: dict[str, np.ndarray]
) -> None:
    write_file(path, arrays)
    assert check(path, ratio=4).windows == {"train": 2, "valid": 1, "test": 4}
    assert "/valid_in has 4 windows, of which dataset.ratio 5 leaves none; set it to 4" in refusal(
        check(path, ratio=5)
    )
    assert "dataset.window is 8,192; set it to 4096 or less" in refusal(check(path, window=8192))
    for key in ("test_in", "test_out"):
        arrays[key] = arrays[key][:0]
    assert "/test_in has no windows" in refusal(check(write_file(path, arrays)))


def test_size_and_digest_are_checked(path: Path, arrays: dict[str, np.ndarray]) -> None:
    size = write_file(path, arrays).stat().st_size
    digest = check(path, bytes=size).sha256
    assert check(path, sha256=digest).refusals == ()
    assert f"has {size:,} bytes, dataset.bytes says 7" in refusal(check(path, bytes=7))
    assert f"its sha256 is {digest}, dataset.sha256 says" in refusal(check(path, sha256="0" * 64))


def test_rows_that_are_not_one_hot_are_refused(path: Path, arrays: dict[str, np.ndarray]) -> None:
    arrays["train_in"] = arrays["train_in"].copy()
    arrays["train_in"][3, 17] = [True, False, True, False]
    text = refusal(check(write_file(path, arrays)))
    assert "1 of 73,728 rows of the sequences are not one-hot (1 train)" in text
    assert "/train_in window 3, base 17: [1.0, 0.0, 1.0, 0.0]" in text


@pytest.mark.parametrize("dtype", [bool, np.uint8, np.int64, np.float16, np.float32])
def test_any_number_is_one_hot_if_it_is_0_or_1(
    path: Path, arrays: dict[str, np.ndarray], dtype: type
) -> None:
    for split in WINDOWS:
        arrays[f"{split}_in"] = arrays[f"{split}_in"].astype(dtype)
    assert check(write_file(path, arrays)).refusals == ()
    if dtype is not bool:
        arrays["valid_in"] *= dtype(2)
        assert "16,384 valid" in refusal(check(write_file(path, arrays)))


def test_order_is_found_declared_or_contradicted(path: Path) -> None:
    write_file(path, make_arrays("ATCG"))
    found = check(path)
    assert found.refusals == ()
    assert "channels are A, T, C, G (found from the data); re-ordered" in " ".join(
        make_verdict(found).split()
    )
    assert check(path, alphabet="ATCG").refusals == ()
    text = refusal(check(path, alphabet="ACGT"))
    assert "dataset.alphabet is ACGT, but the data fit ATCG" in text
    assert "set dataset.alphabet: ATCG, or auto" in text


def test_undetermined_order_is_warned_of(path: Path, arrays: dict[str, np.ndarray]) -> None:
    rng = np.random.default_rng(0)
    for split, count in WINDOWS.items():
        arrays[f"{split}_in"] = encode(rng.integers(0, 4, (count, WINDOW), dtype=np.uint8))
    found = check(write_file(path, arrays))
    assert found.refusals == ()
    assert "the data do not determine the order of the bases (24 of 24 fit" in found.warnings[0]
    assert "ACGT is used" in found.warnings[0]
    assert "(assumed, the data do not determine it)" in " ".join(make_verdict(found).split())


def break_values(arrays: dict[str, np.ndarray]) -> None:
    arrays["train_out"][3, 5, 0] = np.inf
    arrays["train_out"][7, 6, 0] = np.nan
    arrays["train_out"][7, 7, 0] = -1
    arrays["test_out"][2, 0, 2] = -np.inf


def test_bad_values_are_refused_with_their_place(path: Path, arrays: dict[str, np.ndarray]) -> None:
    break_values(arrays)
    found = check(write_file(path, arrays))
    text = refusal(found)
    assert "4 coverage values are not finite or negative (2 inf, 1 NaN, 1 negative)" in text
    assert "in windows train 3, 7; test 2, targets one, two -; set dataset.on_bad: mask" in text
    assert found.bad == {"train": (3, 7), "valid": (), "test": (2,)}
    assert [target.bad for target in found.targets] == [3, 0, 1]


def test_bad_values_are_masked_or_dropped_on_demand(
    path: Path, arrays: dict[str, np.ndarray]
) -> None:
    break_values(arrays)
    write_file(path, arrays)
    masked, dropped = check(path, on_bad="mask"), check(path, on_bad="drop")
    assert masked.refusals == ()
    assert dropped.refusals == ()
    assert masked.dropped == {"train": (), "valid": (), "test": ()}
    assert dropped.dropped == {"train": (3, 7), "valid": (), "test": (2,)}
    assert dropped.dropped_for == {
        "train windows with bins not finite or negative": 2,
        "test windows with bins not finite or negative": 1,
    }
    assert "bins masked" in masked.warnings[0]
    good = np.delete(arrays["train_out"][:, :, 0].astype(float), 0)
    good = good[np.isfinite(good) & (good >= 0)]
    assert masked.targets[0].mean == pytest.approx(good.mean(), rel=0.02)


def test_dropping_everything_is_refused(path: Path, arrays: dict[str, np.ndarray]) -> None:
    arrays["valid_out"][:, 0, 0] = np.inf
    text = refusal(check(write_file(path, arrays), on_bad="drop"))
    assert "dropping leaves none of the 4 valid windows" in text


def test_target_of_zeros_is_refused(path: Path, arrays: dict[str, np.ndarray]) -> None:
    arrays["train_out"][:, :, 1] = 0
    write_file(path, arrays)
    assert "1 of 3 targets are zero in all train windows: two +" in refusal(check(path))
    assert check(path, head=2).refusals == ()


def test_means_far_from_one_are_warned_of(path: Path, arrays: dict[str, np.ndarray]) -> None:
    for split in WINDOWS:
        arrays[f"{split}_out"][:, :, 0] *= 1000
        arrays[f"{split}_out"][:, :, 1] *= 0.001
    write_file(path, arrays)
    high, low = check(path).warnings
    values = arrays["train_out"].astype(float)
    loss = 1 - (values - values * np.log(np.maximum(values, 1e-12))).mean()
    assert f"the loss starts near {loss:,.4g}" in high
    assert "1 of 3 targets have train means far below 1" in low
    assert check(path, scale="mean").warnings == ()


def test_windows_without_a_base_are_warned_of(path: Path, arrays: dict[str, np.ndarray]) -> None:
    for key in ("train_in", "test_in"):
        arrays[key] = arrays[key].copy()
        arrays[key][1] = False
    found = check(write_file(path, arrays))
    assert found.refusals == ()
    assert found.warnings == ("2 windows are all N (train 1; test 1)",)
    assert found.unknown_bases == {"train": 0.1, "valid": 0.0, "test": 0.25}


def put_dna(arrays: dict[str, np.ndarray], split: str, row: int, codes: np.ndarray) -> None:
    arrays[f"{split}_in"] = arrays[f"{split}_in"].copy()
    arrays[f"{split}_in"][row] = encode(codes)


@pytest.mark.parametrize(
    ("split", "row", "dropped", "listed"),
    [
        ("train", 9, {"train": (9,), "valid": (), "test": ()}, "train 2 and train 9 (the same"),
        ("valid", 1, {"train": (2,), "valid": (), "test": ()}, "train 2 and valid 1 (the same"),
        ("test", 3, {"train": (2,), "valid": (), "test": ()}, "train 2 and test 3 (the same"),
    ],
)
@pytest.mark.parametrize("other", [False, True])
def test_windows_that_are_the_same(
    path: Path,
    arrays: dict[str, np.ndarray],
    split: str,
    row: int,
    dropped: dict[str, tuple[int, ...]],
    listed: str,
    other: bool,
) -> None:
    codes = make_dna()[2]
    put_dna(arrays, split, row, reverse_complement(codes) if other else codes)
    write_file(path, arrays)
    text = refusal(check(path))
    assert listed + (", other strand)" if other else ")") in text
    assert "set dataset.on_duplicate: drop" in text
    found = check(path, on_duplicate="drop")
    assert found.refusals == ()
    assert found.dropped == dropped
    assert sum(found.dropped_for.values()) == 1


@pytest.mark.parametrize("other", [False, True])
def test_windows_that_overlap_in_part(
    path: Path, arrays: dict[str, np.ndarray], other: bool
) -> None:
    dna = make_dna()
    codes = np.concatenate([dna[10][2048:], dna[17][:2048]])  # half of valid 0, half of test 3
    put_dna(arrays, "train", 4, reverse_complement(codes) if other else codes)
    write_file(path, arrays)
    text = refusal(check(path))
    strand = ", other strand" if other else ""
    assert f"train 4 and valid 0 (2,048 bases in common{strand})" in text
    found = check(path, on_duplicate="drop")
    assert found.refusals == ()
    assert found.dropped == {"train": (4,), "valid": (), "test": ()}


def test_valid_gives_way_to_test(path: Path, arrays: dict[str, np.ndarray]) -> None:
    put_dna(arrays, "valid", 2, make_dna()[14])
    write_file(path, arrays)
    assert "valid 2 and test 0 (the same)" in refusal(check(path))
    found = check(path, on_duplicate="drop")
    assert found.dropped == {"train": (), "valid": (2,), "test": ()}


def test_held_out_windows_that_are_the_same_are_warned_of(
    path: Path, arrays: dict[str, np.ndarray]
) -> None:
    put_dna(arrays, "test", 2, make_dna()[14])
    found = check(write_file(path, arrays))
    assert found.refusals == ()
    assert found.warnings == (
        "1 pairs of held-out windows are the same: test 0 and test 2 (the same)",
    )


def test_overlaps_on_the_other_strand_are_found_in_any_order_of_bases(path: Path) -> None:
    arrays = make_arrays("GTAC")
    arrays["test_in"][1] = encode(reverse_complement(make_dna()[5]), "GTAC")
    assert "train 5 and test 1 (the same, other strand)" in refusal(check(write_file(path, arrays)))


def test_missing_labels_get_names(path: Path, arrays: dict[str, np.ndarray]) -> None:
    del arrays["target_labels"]
    found = check(write_file(path, arrays))
    assert found.refusals == ()
    assert [target.name for target in found.targets] == ["target0", "target1", "target2"]
    assert "no /target_labels" in found.warnings[0]


def test_crop_is_derived_and_said(path: Path, arrays: dict[str, np.ndarray]) -> None:
    for split in WINDOWS:
        arrays[f"{split}_out"] = arrays[f"{split}_out"][:, 4:-4]
    found = check(write_file(path, arrays))
    assert (found.bins, found.crop, found.warnings) == (24, 4, ())
    assert "24 bins of 128 bases over the middle 3,072: 4 bins at either side" in make_verdict(
        found
    )


def test_head_reads_no_further(path: Path, arrays: dict[str, np.ndarray]) -> None:
    arrays["train_out"][5, 0, 0] = np.inf
    found = check(write_file(path, arrays), head=3)
    assert found.refusals == ()
    assert found.windows == {"train": 3, "valid": 3, "test": 3}
    assert "as far as the first 3 windows of each split show" in make_verdict(found)


def test_several_faults_are_all_told(path: Path, arrays: dict[str, np.ndarray]) -> None:
    arrays["train_out"][:, :, 1] = 0
    arrays["test_out"][0, 0, 0] = np.nan
    found = check(write_file(path, arrays), alphabet="ATCG")
    assert len(found.refusals) == 3
    assert make_verdict(found).endswith("verdict: refused, 3 faults\n")


@pytest.mark.slow
@pytest.mark.parametrize(("name", "crop", "targets"), [(YEAST, 0, 10), (HG38, 256, 74)])
def test_real_file_is_fit(name: str, crop: int, targets: int) -> None:
    found = check(find_data(name))
    assert found.refusals == found.overlaps == ()
    assert found.alphabet is not None
    assert found.alphabet.possible == ("ACGT",)
    assert (found.crop, len(found.targets)) == (crop, targets)
    assert any("means far" in warning for warning in found.warnings)


@pytest.fixture
def dataset_path(tmp_path: Path) -> Path:
    path = tmp_path / "dataset.h5"
    contigs = Contigs.from_lengths({"a": WINDOW, "b": WINDOW, "c": WINDOW}, 128)
    targets = Targets.from_names(["one", "two"])
    rng = np.random.default_rng(1)
    with DatasetWriter(path, contigs=contigs, targets=targets, bin_size=128) as writer:
        for codes in make_dna()[:3]:
            writer.add_contig(codes, rng.gamma(1.0, 1.0, (BINS, 2)))
        windows = [make_windows([i], [0], WINDOW, split) for i, split in enumerate(WINDOWS)]
        writer.finish(np.concatenate(windows), {"kind": "simulated", "has_coordinates": True})
    return path


def test_dataset_is_judged_alike(dataset_path: Path) -> None:
    dataset = read_dataset(dataset_path)
    found = validate_dataset(dataset)
    assert found.refusals == ()
    assert (found.source, found.windows) == ("simulated", {"train": 1, "valid": 1, "test": 1})
    mean = np.asarray(read_whole(dataset.cells)[:BINS]).mean(axis=0)
    assert [target.mean for target in found.targets] == pytest.approx(mean)
    assert make_verdict(found).endswith("verdict: fit for training\n")
    assert Validation.from_json(found.to_json()) == found


def test_faulty_dataset_is_refused(dataset_path: Path, tmp_path: Path) -> None:
    with h5py.File(dataset_path, "r+") as file:
        file["sequence"][5] = 9
    seal(dataset_path)
    dataset = read_dataset(dataset_path)
    coverage = read_whole(dataset.cells).copy()
    coverage[:BINS, 1] = 0
    found = validate_dataset(replace_coverage(dataset, tmp_path / "other.h5", coverage))
    assert "codes above 4" in found.refusals[0]
    assert "1 of 2 targets are zero in all train windows: two" in found.refusals[1]
