"""What variants do, from the command line."""

import csv
import json

import pysam
from project import TINY, Project

from seqcast.data import read_dataset
from seqcast.genome.codes import decode

STEPS = ("variants_plan", "variants_member", "variants_join", "variants_top", "variants_tracks")
JOBS = (*STEPS, "variants")
PAGES = ("report", "browse_tracks")
SETTINGS = {"vcf": "my.vcf", "null": 20, "radius": 100}


def write_vcf(project: Project) -> None:
    """Write a VCF of the tiny run's genome: an SNV, an insertion, what is left out."""
    dataset = read_dataset(project.results / "dataset/dataset.h5")
    base = decode(dataset.sequence("chrC", 20_000, 20_001))
    other = "ACGT"[("ACGT".index(base) + 1) % 4]
    rows = [
        f"C\t20001\tsnv\t{base}\t{other},<DEL>\t.\t.\t.",
        f"chrC\t20001\tinsertion\t{base}\t{base}ACGT\t.\tPASS\tDP=3",
        "chrX\t7\tunknown\tA\tC\t.\t.\t.",
    ]
    header = "##fileformat=VCFv4.2\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n"
    (project.folder / "my.vcf").write_text(header + "\n".join(rows) + "\n")


def test_variants_are_scored_on_a_finished_run_and_nothing_else_is_made(
    throwaway: Project,
) -> None:
    write_vcf(throwaway)
    words = ("variants", "--config", f"variants={json.dumps(SETTINGS)}")
    assert throwaway.jobs(*words) == dict.fromkeys(JOBS, 1)
    throwaway.snakemake(*words, "--resources", "gpu=1")
    folder = throwaway.results / "variants"
    with open(folder / "variants.tsv", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    assert [row["status"] for row in rows] == [
        *["scored"] * 10, "symbolic", *["scored"] * 10, "unknown contig",
    ]  # fmt: skip
    assert {row["split"] for row in rows} == {"test", "none"}
    said = json.loads((folder / "variants.json").read_text())
    assert said["status"] == {"scored": 2, "symbolic": 1, "unknown contig": 1}
    assert all((folder / each["file"]).is_file() for each in said["files"])
    with pysam.VariantFile(str(folder / "variants.vcf.gz")) as file:
        (snv, *_) = file.fetch("C", 20_000, 20_001)
        assert snv.info["SEQCAST_STATUS"] == ("scored", "symbolic")
        lfc = [float(each) for each in snv.info["SEQCAST_LFC"][0].split("|")]
    for value, row in zip(lfc, rows, strict=False):
        assert abs(value - float(row["lfc"])) <= 1e-3 * abs(value)
    assert throwaway.jobs(*words) == {}

    # In the config it is a part of the run.
    throwaway.write_config({**TINY, "variants": SETTINGS})
    assert throwaway.jobs() == dict.fromkeys(PAGES, 1)
    throwaway.snakemake()
    page = (throwaway.results / "report/index.html").read_text()
    assert "my.vcf has 3 rows with 4 ALT alleles; 2 were scored." in page
    assert (throwaway.results / "report/figures/variants_effects.png").is_file()
    assert (throwaway.results / "export/variants.tsv").is_file()
    assert "data-target=" in (throwaway.results / "export/index.html").read_text()
    assert throwaway.jobs() == {}
    throwaway.write_config({**TINY, "variants": {**SETTINGS, "radius": 200}})
    assert throwaway.jobs() == dict.fromkeys((*STEPS[1:], *PAGES), 1)
    # Another content of the file.
    throwaway.write_config({**TINY, "variants": SETTINGS})
    vcf = throwaway.folder / "my.vcf"
    vcf.write_text(vcf.read_text().replace("chrX", "chrY"))
    assert throwaway.jobs("variants") == dict.fromkeys(JOBS, 1)


def test_variants_without_a_file_are_refused(finished: Project) -> None:
    said = finished.snakemake("-n", "variants", check=False)
    assert "a VCF or BCF file, named in variants.vcf" in said
    said = finished.snakemake("-n", "--config", 'variants={"vcf": "none.vcf"}', check=False)
    assert "variants.vcf: there is no file none.vcf" in said
    assert "Traceback" not in said


def test_a_url_is_downloaded_first(finished: Project) -> None:
    words = ("--config", 'variants={"vcf": "https://example.org/my.vcf.gz"}')
    assert finished.jobs("download", *words) == {"download": 1, "download_file": 1}
    assert finished.jobs("variants", *words) == {**dict.fromkeys(JOBS, 1), "download_file": 1}
