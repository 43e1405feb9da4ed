# What the files of a run are called, and what rules ask about them.
RUN = f"results/{settings.run}"
MODELS = list(settings.models)
IS_SIMULATED = settings.dataset.source == "simulated"
IS_DOWNLOADED = not IS_SIMULATED and settings.dataset.is_url
DATASET = f"{RUN}/dataset/dataset.h5"
MANIFEST = f"{RUN}/dataset/manifest.json"
VALIDATION = f"{RUN}/validate/validation.json"
FIRST_LOOK = f"{RUN}/validate/first_look.png"
TRUTH = f"{RUN}/dataset/truth.h5" if IS_SIMULATED else []

if IS_SIMULATED:
    SOURCE = []
elif IS_DOWNLOADED:
    SOURCE = f"{RUN}/download/{settings.dataset.file_name}"
else:
    SOURCE = settings.dataset.file
    if not Path(SOURCE).is_file():
        beside = [path.name for path in Path(SOURCE).parent.glob("*")]
        near = errors.suggest(Path(SOURCE).name, beside)
        raise WorkflowError(f"config: dataset.file: there is no file {SOURCE}{near}")
TRACKS = f"{RUN}/export/tracks.tsv"
GENOME = ("genome.fa", "genome.fa.fai", "genome.chrom.sizes")
MENDED = f"{RUN}/export/.mended"
PAGE = Path(workflow.basedir, "workflow/report/page.html.j2")
FIGURES = f"{RUN}/report/figures"


def code_of(step):
    """Return the digest of a step's script and all of the library that it reaches."""
    return provenance.digest_sources(Path(workflow.basedir, "scripts", f"{step}.py"))


def training_of(wildcards):
    """Return what a model's weights follow from; the device is a matter of where, not of what."""
    return {
        "model": settings.network(wildcards.model).model_dump(mode="json"),
        "train": settings.training(wildcards.model).model_dump(mode="json", exclude={"device"}),
    }


def mending(wildcards):
    """Ask for `mend_tracks` when a track that the table lists, or the genome, is gone or damaged.

    The tracks cannot be declared outputs: how many targets a downloaded file has is not known
    when the DAG is built.
    """
    genome = [Path(TRACKS).with_name(name) for name in GENOME]
    if not Path(TRACKS).exists() or not (
        provenance.find_damaged_files(TRACKS) or not all(path.exists() for path in genome)
    ):
        return []
    Path(MENDED).unlink(missing_ok=True)
    return MENDED
