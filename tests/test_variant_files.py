"""VCF files are read whatever they hold, and the files that come of them agree."""

import gzip
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import h5py
import numpy as np
import pybigtools
import pysam
import pytest
import torch
from tiny import BIN, LENGTHS, TARGETS
from varied_run import HEADER, SETTINGS, Run, draw_rows, write_vcf

from seqcast.core.errors import SeqcastError
from seqcast.genome.codes import decode, encode
from seqcast.genome.fasta import write_fasta
from seqcast.sources.genome.fasta import open_fasta, open_indexed
from seqcast.variants import planning, vcf
from seqcast.variants.grid import Grid
from seqcast.variants.parts import read_plan, read_sites, write_plan, write_sites
from seqcast.variants.vcf import find_sorted, open_vcf

DATA = Path(os.environ.get("SEQCAST_TEST_DATA", Path(__file__).parents[2] / "shared/data"))
ODD, YEAST = DATA / "odd_files/other", DATA / "yeast"
SCORES = ("lfc", "lfc_window", "l2", "change", "change_at", "ref_sum", "alt_sum", "quantile")


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return Run(tmp_path)


@pytest.fixture(scope="module")
def scored(tmp_path_factory: pytest.TempPathFactory) -> Run:
    run = Run(tmp_path_factory.mktemp("scored"))
    run.run(write_vcf(run.folder / "my.vcf", draw_rows(run.dataset, 60)))
    return run


def test_a_vcf_is_read_in_every_packing(tmp_path: Path) -> None:
    rows = [("chr1", 7, "a", "A", "C,G"), ("chr2", 9, "b;c", "AC", "<DEL>")]
    plain = write_vcf(tmp_path / "a.vcf", rows)
    with pysam.BGZFile(str(tmp_path / "bgzip"), "wb") as file:
        file.write(plain.read_bytes())
    (tmp_path / "gzip.txt").write_bytes(gzip.compress(plain.read_bytes()))
    (tmp_path / "crlf.vcf").write_bytes(plain.read_bytes().replace(b"\n", b"\r\n"))
    found = [list(open_vcf(tmp_path / name).read()) for name in
             ("a.vcf", "bgzip", "gzip.txt", "crlf.vcf")]  # fmt: skip
    assert [(row.contig, row.position, row.alts) for row in found[0]] == [
        ("chr1", 7, ("C", "G")), ("chr2", 9, ("<DEL>",)),
    ]  # fmt: skip
    assert all(each == found[0] for each in found)


def test_a_bcf_is_read_as_the_vcf_that_it_was_made_of(tmp_path: Path) -> None:
    header = HEADER.replace("#CHROM", "##contig=<ID=chr1,length=1024>\n#CHROM")
    plain = write_vcf(tmp_path / "a.vcf", [("chr1", 7, "a", "A", "C,G")], header)
    with pysam.VariantFile(str(plain)) as source, pysam.VariantFile(
        str(tmp_path / "a.bcf"), "wb", header=source.header
    ) as out:  # fmt: skip
        for record in source:
            out.write(record)
    opened = open_vcf(tmp_path / "a.bcf")
    assert opened.contigs == ["chr1"]
    assert list(opened.read()) == list(open_vcf(plain).read())


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "found 'nothing', wanted the header of a VCF"),
        (b"<html>", "found '<html>', wanted the header of a VCF"),
        (b"##fileformat=VCFv4.2\nchr1\t1\n", "found 'chr1"),
        (HEADER.encode() + b"chr1\tx\t.\tA\tC\n", r"row 3 is 'chr1.tx.*wanted contig, position"),
        (HEADER.encode() + b"chr1 7 . A C\n", "row 3 is 'chr1 7 . A C', wanted contig, position"),
        (gzip.compress(HEADER.encode() * 99)[:-20], "cannot be read"),
    ],
    ids=["empty", "a page", "no header", "no position", "spaces", "cut short"],
)
def test_what_is_no_vcf_ends_in_one_line(tmp_path: Path, content: bytes, words: str) -> None:
    path = tmp_path / "a.vcf"
    path.write_bytes(content)
    with pytest.raises(SeqcastError, match=words):
        list(open_vcf(path).read())


def test_rows_are_sorted_in_little_memory_and_in_the_order_of_the_genome(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vcf, "_CHUNK", 3)
    places = [("chr2", 5), ("chr1", 9), ("chr1", 2), ("odd", 1), ("chr2", 1), ("chr1", 9)]
    rows = [(contig, at, f"v{n}", "A", "C") for n, (contig, at) in enumerate(places)]
    opened = open_vcf(write_vcf(tmp_path / "a.vcf", rows))
    names = planning.Names(["chr2", "chr1"], {})
    found, count = find_sorted(opened, names.order, tmp_path / "sorted.vcf.gz")
    assert count == 6
    assert [row.identifier for row in found.read()] == ["v4", "v0", "v2", "v1", "v5", "v3"]
    again, _ = find_sorted(found, names.order, tmp_path / "other.vcf.gz")
    assert again is found


def test_rows_of_contigs_in_another_order_are_left_as_they_are(tmp_path: Path) -> None:
    rows = [("chr2", 5, ".", "A", "C"), ("chr2", 7, ".", "A", "C"), ("chr1", 1, ".", "A", "C")]
    opened = open_vcf(write_vcf(tmp_path / "a.vcf", rows))
    assert find_sorted(opened, planning.Names(LENGTHS, {}).order, tmp_path / "s.gz")[0] is opened


def test_all_files_say_the_same(scored: Run) -> None:
    rows, folder = scored.read(), scored.folder / "variants"
    said = scored.join()
    assert len(rows) == 60 * len(TARGETS)
    assert said["status"] == {"scored": 60}
    with h5py.File(folder / "variants.h5") as arrays:
        for key in (*SCORES, "spread", "p", "q"):
            found = arrays[f"default/{key}"][()].ravel()
            wanted = [float(row[key]) for row in rows]
            np.testing.assert_allclose(found, wanted, rtol=1e-5, err_msg=key)
        assert arrays["ref"].asstr()[()].tolist() == [row["ref"] for row in rows[::3]]
    with pysam.VariantFile(str(folder / "variants.vcf.gz")) as file:
        records = list(file)
    for record, own in zip(records, zip(*[iter(rows)] * 3, strict=True), strict=True):
        assert (record.contig, str(record.pos)) == (own[0]["contig"], own[0]["position"])
        assert record.info["SEQCAST_SPLIT"] == (own[0]["split"],)
        for key in ("lfc", "quantile", "spread", "p", "q"):
            values = record.info[f"SEQCAST_{key.upper()}"][0].split("|")
            wanted = [float(row[key]) for row in own]
            np.testing.assert_allclose([float(each) for each in values], wanted, rtol=1e-3)
    for row in rows:
        assert 0 < float(row["p"]) <= float(row["q"]) <= 1
        assert 0 <= float(row["quantile"]) <= 1
    largest = max(rows, key=lambda row: abs(float(row["lfc"])))
    best = max(said["top"], key=lambda row: abs(row["lfc"]))
    assert (best["position"], best["target"]) == (int(largest["position"]), largest["target"])


def test_tracks_and_letters_are_those_of_both_alleles(scored: Run) -> None:
    said, folder = scored.join(), scored.folder / "variants"
    assert {each["target"] for each in said["top"]} == set(TARGETS.identifier)
    assert len(said["top"]) == SETTINGS.top * len(TARGETS)
    files = {each["file"] for each in said["files"]}
    assert all((folder / name).is_file() for name in files)
    grid = Grid.from_dataset(scored.dataset)
    for slug, name in zip(TARGETS.slugs, TARGETS.identifier, strict=True):
        top = [each for each in said["top"] if each["target"] == name]
        assert [abs(each["lfc"]) for each in top] == sorted(
            (abs(each["lfc"]) for each in top), reverse=True
        )
        ref, alt = (
            np.load(folder / f"{slug}.default.{a}.ohe.npz")["arr_0"] for a in ("ref", "alt")
        )
        assert ref.shape == alt.shape == (SETTINGS.top, 4, 200)
        assert all((one != other).any() for one, other in zip(ref, alt, strict=True))
        for row, each in enumerate(top):
            length, place = LENGTHS[each["place"]], each["summit"]
            start = grid.compute_start(place, length)
            known = grid.mark_known(start, length)
            end = place + max(len(each["trimmed"][0]), 1)
            near = grid.list_near(start, place - 20, end + 20, known)
            first = start + grid.crop * grid.bin_size
            others = [o["summit"] for o in top if o["place"] == each["place"]]
            bins = first + BIN * np.arange(near.start, near.stop) + BIN // 2
            if any(abs(bins - place).max() > abs(bins - o).min() for o in others if o != place):
                continue  # its bins are shared with another
            for allele, sums in (("ref", "ref_sum"), ("alt", "alt_sum")):
                with pybigtools.open(str(folder / f"{slug}.default.{allele}.bw")) as track:
                    values = track.values(
                        each["place"], int(bins[0]), int(bins[-1]) + 1, fillna=None
                    )
                assert sum(values[::BIN]) == pytest.approx(each[sums], rel=1e-4)
            with pybigtools.open(str(folder / f"{slug}.default.ref.contributions.bw")) as track:
                here = track.values(each["place"], place, place + 1, fillna=None)[0]
            attr = np.load(folder / f"{slug}.default.ref.attr.npz")["arr_0"][row]
            projected = (attr * ref[row]).sum(0)
            assert np.abs(projected - here).min() < 1e-6


def test_the_order_of_rows_their_number_and_the_rest_of_the_file_change_no_score(
    scored: Run, tmp_path: Path
) -> None:
    run, rows = Run(tmp_path), draw_rows(scored.dataset, 60)
    shutil.copy(scored.folder / "default.safetensors", tmp_path)
    wanted = {(row["id"], row["target"]): row for row in scored.read()}

    def check(found: list[dict[str, str]], *, exact: bool) -> None:
        for row in found:
            for key in SCORES:
                one, other = float(row[key]), float(wanted[row["id"], row["target"]][key])
                assert one == other or (not exact and abs(one - other) < 1e-5 * max(abs(one), 1))

    shuffled = [rows[at] for at in np.random.default_rng(1).permutation(60)]
    found = run.run(write_vcf(tmp_path / "shuffled.vcf", shuffled))
    check(found, exact=True)
    assert {(row["id"], row["target"]) for row in found} == set(wanted)
    assert [row["p"] for row in found] == [wanted[row["id"], row["target"]]["p"] for row in found]
    twice = run.run(write_vcf(tmp_path / "twice.vcf", [row for row in rows for _ in range(2)]))
    check(twice, exact=True)
    assert len(twice) == 2 * len(wanted)
    assert run.join()["repeated"] == 60
    for half in (rows[:30], rows[30:]):
        check(run.run(write_vcf(tmp_path / "half.vcf", half)), exact=False)


def test_what_is_left_out_stays_in_the_table_and_is_counted(
    run: Run, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    base = decode(run.dataset.sequence("chr1", 99, 100))
    other = "ACGT"[("ACGT".index(base) + 1) % 4]
    rows = [
        ("chr1", 45, "n", "A", "C"),
        ("chr1", 100, "mixed", base.lower(), f"{other},*,<DEL>,{base}", 50, "PASS", "DP=7"),
        ("chr1", 100, "block", base, "<NON_REF>", ".", ".", "END=140"),
        ("1", 100, "alias", base, other),
        ("chr1", 1025, "far", "A", "C"),
        ("chrX", 1, "odd", "A", "C"),
    ]
    found = run.run(write_vcf(run.folder / "my.vcf", rows))
    status = {(row["id"], row["alt"]): row["status"] for row in found}
    assert status == {
        ("n", "C"): "N", ("mixed", other): "scored", ("mixed", "*"): "deleted elsewhere",
        ("mixed", "<DEL>"): "symbolic", ("mixed", base): "scored",
        ("block", "<NON_REF>"): "symbolic", ("alias", other): "scored",
        ("far", "C"): "past the contig's end", ("odd", "C"): "unknown contig",
    }  # fmt: skip
    same = {row["target"]: row for row in found if row["alt"] == base}
    assert all(float(row["lfc"]) == float(row["l2"]) == 0 for row in same.values())
    by_id = {key: [r["lfc"] for r in found if (r["id"], r["alt"]) == (key, other)]
             for key in ("mixed", "alias")}  # fmt: skip
    assert by_id["mixed"] == by_id["alias"]
    assert "the genome lacks chrX" in caplog.text
    with pysam.VariantFile(str(run.folder / "variants/variants.vcf.gz")) as file:
        mixed = next(record for record in file if record.id == "mixed")
    assert mixed.info["DP"] in (7, "7")
    assert mixed.info["SEQCAST_STATUS"] == ("scored", "deleted_elsewhere", "symbolic", "scored")
    assert mixed.info["SEQCAST_LFC"][1] == ".|.|."


def test_another_assembly_is_said(run: Run, caplog: pytest.LogCaptureFixture) -> None:
    rows = draw_rows(run.dataset, 9)
    wrong = [(c, p, i, "ACGT"[("ACGT".index(r[0]) + 1) % 4], "A" * 7) for c, p, i, r, _ in rows]
    run.plan(write_vcf(run.folder / "my.vcf", rows + wrong))
    assert "of another assembly" in caplog.text
    with pytest.raises(SeqcastError, match=r"none of 9 alleles can be scored \(REF is not the"):
        run.plan(write_vcf(run.folder / "my.vcf", wrong))


def test_targets_can_be_chosen_and_a_misspelt_one_is_said(run: Run) -> None:
    my = write_vcf(run.folder / "my.vcf", draw_rows(run.dataset, 6))
    found = run.run(my, SETTINGS.model_copy(update={"targets": ("starts-plus",), "null": 0}))
    assert {row["target"] for row in found} == {"starts +"}
    assert {row["p"] for row in found} == {""}
    with pytest.raises(SeqcastError, match=r"no target 'peak' \(did you mean 'peaks'"):
        run.join(SETTINGS.model_copy(update={"targets": ("peak",)}))


def test_replicates_are_averaged_and_spread(tmp_path: Path) -> None:
    run = Run(tmp_path, ("default.r1", "default.r2"))
    my = write_vcf(tmp_path / "my.vcf", draw_rows(run.dataset, 12))
    both = run.run(my)
    alone = []
    for name in run.members:
        run.members = (name,)
        run.join()
        alone.append(run.read())
    for row, *each in zip(both, *alone, strict=True):
        mean = np.mean([float(one["lfc"]) for one in each])
        np.testing.assert_allclose(float(row["lfc"]), mean, rtol=1e-4, atol=1e-6)
    assert any(row["lfc"] != one["lfc"] for row, one in zip(both, alone[0], strict=True))


def test_with_folds_who_held_a_place_out_scores_it(tmp_path: Path) -> None:
    run = Run(tmp_path, ("default.f1", "default.f2"))
    my = write_vcf(tmp_path / "my.vcf", draw_rows(run.dataset, 12))
    run.plan(my)
    plan, alleles = read_plan(run.parts / "plan.json"), run.parts / "alleles/000001.tsv"
    sites = read_sites(alleles)

    def score(folds: list[int]) -> list[dict[str, str]]:
        """Score with alleles that folds held out."""
        held = [site._replace(fold=fold) for site, fold in zip(sites, folds, strict=True)]
        part = write_sites(alleles, "variants", held, "")
        write_plan(run.parts / "plan.json", [part, *plan.parts[1:]], plan.facts)
        run.score()
        run.join()
        return run.read()

    folds, members = [n % 3 - 1 for n in range(len(sites))], run.members
    both, alone = score(folds), {}
    for fold in (0, 1):
        run.members = members[fold : fold + 1]
        alone[fold] = score([-1] * len(sites))
    for n, row in enumerate(both):
        one, other = (float(alone[fold][n]["lfc"]) for fold in (0, 1))
        wanted = {0: one, 1: other, -1: (one + other) / 2}[folds[n // 3]]
        assert float(row["lfc"]) == pytest.approx(wanted, abs=1e-6)
        assert abs(one - other) > 1e-7 or one == 0


def test_finished_parts_are_kept_and_the_bytes_are_the_same(
    run: Run, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    monkeypatch.setattr(planning, "_PART", 5)
    my = write_vcf(run.folder / "my.vcf", draw_rows(run.dataset, 20))
    run.run(my)

    def read() -> dict[Path, bytes]:
        return {path: path.read_bytes() for path in (run.folder / "variants").rglob("*.*")
                if path.is_file()}  # fmt: skip

    whole, parts = read(), sorted((run.parts / "default").glob("*.h5"))
    times = {path: path.stat().st_mtime_ns for path in parts}
    (run.parts / "default/parts.json").unlink()
    parts[0].unlink()
    parts[1].write_bytes(parts[1].read_bytes()[:-1])
    parts[1].with_name(f"{parts[1].name}.partial").write_bytes(b"half")
    # Threads change no digit.
    run.score(threads=2)
    assert "alleles are done already" in caplog.text
    assert all(path.stat().st_mtime_ns == times[path] for path in parts[2:])
    run.join()
    assert read() == whole
    # Another radius is another thing to score.
    run.score(SETTINGS.model_copy(update={"radius": 40}))
    assert not any(path.stat().st_mtime_ns == times[path] for path in parts)


def write_islands(path: Path, places: dict[str, list[int]], bases: dict[tuple[str, int], str]):
    """Write a FASTA of huge contigs that has letters around some places alone, and its index."""
    rng, index = np.random.default_rng(1), []
    with open(path, "wb") as file:
        for contig, here in places.items():
            file.write(f">{contig}\n".encode())
            start, length = file.tell(), max(here) + 2000
            for at in here:
                first, last = max(at - 70_000, 0), min(at + 70_000, length)
                file.seek(start + first)
                file.write(np.frombuffer(b"ACGT", np.uint8)[rng.integers(0, 4, last - first)])
            # Last, as islands may overlap.
            for at in here:
                file.seek(start + at - 1)
                file.write(bases[contig, at].encode())
            file.seek(start + length)
            file.write(b"\n")
            index.append(f"{contig}\t{length}\t{start}\t{length}\t{length + 1}\n")
    path.with_name(path.name + ".fai").write_text("".join(index))


@pytest.mark.slow
@pytest.mark.skipif(not ODD.is_dir(), reason=f"no {ODD}; set SEQCAST_TEST_DATA to the shared data")
def test_three_files_of_the_same_variants_give_the_same_scores(run: Run, tmp_path: Path) -> None:
    names = ("regulatory_validated", "regulatory_validated_misorder", "regulatory_validated_misref")
    rows = list(open_vcf(ODD / f"{names[0]}.vcf").read())
    places: dict[str, list[int]] = {}
    for row in rows:
        places.setdefault(row.contig, []).append(row.position)
    write_islands(tmp_path / "g.fa", places, {(r.contig, r.position): r.ref for r in rows})
    fasta, found = open_indexed(tmp_path / "g.fa"), {}
    for name in names:
        found[name] = {
            (row["id"], row["target"]): row
            for row in run.run(ODD / f"{name}.vcf", SETTINGS.model_copy(update={"null": 0}),
                               fasta=fasta)
        }  # fmt: skip
    whole = found[names[0]]
    assert {row["status"] for row in whole.values()} == {"scored"}
    assert len(whole) == 16 * 3
    assert [row["status"] for row in found[names[2]].values()].count("flipped") == 3
    for other in found.values():
        assert {key: row["lfc"] for key, row in other.items()} == {
            key: row["lfc"] for key, row in whole.items()
        }


@pytest.mark.parametrize(
    ("name", "rows", "alleles"),
    [("RM11-1A.gatk", 12_321, 12_330), ("W303.gatk", 981, 981), ("BY_RM", 45_543, 45_565)],
)
@pytest.mark.skipif(not YEAST.is_dir(), reason=f"no {YEAST}; set SEQCAST_TEST_DATA")
def test_all_of_yeasts_variants_fit_its_genome(
    run: Run, name: str, rows: int, alleles: int
) -> None:
    fasta = open_fasta(YEAST / "sacCer3.fa.gz", run.folder / "work")
    said = run.plan(YEAST / f"annotation/{name}.vcf.gz", fasta=fasta)
    assert (said["rows"], said["alleles"]) == (rows, alleles)
    # Windows of the tiny run are short.
    too_long = said["status"].get("too long", 0)
    assert said["status"]["scored"] + too_long == alleles
    assert too_long < 50
    assert said["warnings"] == []


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("bcftools") is None, reason="there is no bcftools")
def test_bcftools_reads_what_is_written(scored: Run) -> None:
    path = scored.folder / "variants/variants.vcf.gz"
    command = ["bcftools", "query", "-f", "%POS %INFO/SEQCAST_LFC\n", "-r", "chr2", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stderr == ""
    wanted = [row["position"] for row in scored.read() if row["contig"] == "chr2"]
    assert [line.split()[0] for line in done.stdout.splitlines()] == wanted[::3]
    subprocess.run(["bcftools", "view", "-Ob", "-o", os.devnull, str(path)], check=True)


def test_a_genome_of_ones_own_is_what_alleles_are_held_against(run: Run) -> None:
    letters = "".join(np.random.default_rng(3).choice(list("ACGT"), 900))
    write_fasta(run.folder / "g.fa", [("z", encode(letters))])
    fasta = open_fasta(run.folder / "g.fa", run.folder / "work")
    rows = [("z", 400, "here", letters[399], "ACGT".replace(letters[399], "")[0])]
    found = run.run(write_vcf(run.folder / "my.vcf", rows), fasta=fasta)
    assert {(row["status"], row["split"]) for row in found} == {("scored", "none")}
    plan = read_plan(run.parts / "plan.json")
    assert [part.kind for part in plan.parts] == ["variants", "null.substitutions"]


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    yield
    # Scoring leaves torch with the threads that it was granted.
    torch.set_num_threads(1)
