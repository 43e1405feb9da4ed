"""Which files a source names, and where they lie."""

from pathlib import Path

from seqcast.settings import find_files, find_places, has_replicates, read_settings
from seqcast.settings.files import File

SHA = "0" * 64


def test_files_of_each_source(tmp_path: Path) -> None:
    table = tmp_path / "t.tsv"
    table.write_text(f"identifier\tfile\tsha256\na\thttps://h/a.bw\t{SHA}\nb\tb.bw\t\n")
    genome = {
        "source": "genome",
        "fasta": "https://h/g.fa.gz",
        "targets": str(table),
        "split": {"folds": 3},
        "mask": "m.bed",
    }
    settings = read_settings({"dataset": genome}).dataset
    assert [file.place for file in find_files(settings)] == [
        "https://h/g.fa.gz",
        "m.bed",
        "https://h/a.bw",
        str(tmp_path / "b.bw"),
    ]
    assert find_files(settings)[2].sha256 == SHA
    assert not has_replicates(settings)
    assert find_files(read_settings({}).dataset) == ()
    basenji = read_settings({"dataset": {"source": "basenji_h5", "file": "a.h5", "bytes": 7}})
    assert find_files(basenji.dataset) == (File("a.h5", None, 7),)


def test_downloads_have_the_names_of_their_urls() -> None:
    urls = ["https://h:80/a/x.bw?raw=1", "https://h/b/y.bw", "ftp://h/b/x.bw", "own/x.bw"]
    urls += ["https://h/a{b}%20c.bw"]
    places = find_places(map(File, urls), "down")
    assert places["https://h/b/y.bw"] == Path("down/y.bw")
    assert places["own/x.bw"] == Path("own/x.bw")
    assert places["https://h/a{b}%20c.bw"] == Path("down/a%7Bb%7D%20c.bw")
    assert len(set(places.values())) == 5
    assert places["https://h:80/a/x.bw?raw=1"] == Path("down/h-80-a-x.bw-raw=1")
    assert find_places([File("https://h/a/seq.h5?raw=1")], "d").popitem()[1] == Path("d/seq.h5")
