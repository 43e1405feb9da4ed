"""Which motifs the model reads, from the command line."""

import json

from project import TINY, Project

EXPLAIN = {"most": 2, "width": 256, "method": "gradient"}
KNOWN = {"database": "simulated", "backgrounds": 5, "pairs": 2}
EFFECTS = ("motifs_effects_member", "motifs_effects")
STEPS = ("explain_regions", "explain_member", "explain_join", "motifs_hits", *EFFECTS, "motifs")
DISCOVER = ("motifs_tools", "motifs_discover", "motifs_names")


def test_hits_of_known_motifs_are_found_and_shown(throwaway: Project) -> None:
    # Nothing of TF-MoDISco is there, and a dry run does not need it.
    throwaway.write_config({**TINY, "explain": EXPLAIN, "motifs": KNOWN})
    assert throwaway.jobs("motifs") == dict.fromkeys((*STEPS, *DISCOVER), 1)
    said = throwaway.snakemake("motifs", "--resources", "gpu=1", check=False)
    assert "TF-MoDISco is not there" in said
    assert "`make motifs` installs it" in said
    assert "Traceback" not in said

    throwaway.write_config({**TINY, "explain": EXPLAIN, "motifs": {**KNOWN, "discover": False}})
    # That was said before any region was explained.
    assert throwaway.jobs("motifs").keys() >= {*STEPS} - {"explain_regions"}
    said = throwaway.snakemake("motifs")
    assert "backgrounds, about" in said
    folder = throwaway.results / "motifs"
    said = json.loads((folder / "motifs.json").read_text())
    assert said["targets"][0]["target"] == "ChIP-like-CTCF"
    assert all((folder / each["file"]).is_file() for each in said["files"])
    rows = (folder / "hits.tsv").read_text().splitlines()
    assert len(rows) == 1 + sum(each["hits"] for each in said["motifs"]) > 1
    motifs, targets = len(said["motifs"]), len(said["targets"])
    rows = (folder / "effects.tsv").read_text().splitlines()
    assert len(rows) == 1 + motifs * targets > 1
    pairs = (folder / "pairs.tsv").read_text().splitlines()
    assert len(pairs) > 1 if motifs > 1 else len(pairs) == 1
    assert throwaway.jobs("motifs") == {}
    # Other numbers make only these anew.
    more = {**KNOWN, "discover": False, "backgrounds": 6}
    throwaway.write_config({**TINY, "explain": EXPLAIN, "motifs": more})
    assert throwaway.jobs("motifs") == dict.fromkeys((*EFFECTS, "motifs"), 1)
    throwaway.write_config({**TINY, "explain": EXPLAIN, "motifs": {**KNOWN, "discover": False}})

    # The pages show where they are.
    assert throwaway.jobs() == {"browse_tracks": 1, "report": 1}
    throwaway.snakemake("browse")
    shown = throwaway.results / "export"
    assert (shown / "motifs.bed").read_text() == (folder / "hits.bed").read_text()
    for page in ("index.html", "igv_session.xml", "config.json"):
        assert "motifs.bed" in (shown / page).read_text()
    throwaway.snakemake("report")
    section = (throwaway.results / "report/index.html").read_text().partition('id="motifs"')[2]
    assert "known motif" in section
    assert (throwaway.results / "report/figures/motifs_effects.png").is_file()


def test_a_database_that_is_none_is_refused(throwaway: Project) -> None:
    (throwaway.folder / "mine.meme").write_text(
        "MOTIF A\nletter-probability matrix: w= 1\n1 1 0 0\n"
    )
    mine = {"database": "mine.meme", "discover": False}
    throwaway.write_config({**TINY, "explain": EXPLAIN, "motifs": mine})
    said = throwaway.snakemake("motifs", "--resources", "gpu=1", check=False)
    assert "mine.meme: motif A: line 3: the numbers sum to 2" in said
    assert "Traceback" not in said
    throwaway.write_config({**TINY, "motifs": {"database": "none.meme"}})
    assert "motifs.database: there is no file none.meme" in throwaway.snakemake("-n", check=False)
