# What the files of a run are called, and what rules ask about them.
from functools import cache

RUN = f"results/{settings.run}"
SOURCE_KIND = settings.dataset.source
DATASET = f"{RUN}/dataset/dataset.h5"
# What browsers call a genome changes nothing in the data.
DATASET_SETTINGS = settings.dataset.model_dump(mode="json", exclude={"assembly"})
MANIFEST = f"{RUN}/dataset/manifest.json"
VALIDATION = f"{RUN}/validate/validation.json"
FIRST_LOOK = f"{RUN}/validate/first_look.png"
TRUTH = f"{RUN}/dataset/truth.h5" if SOURCE_KIND == "simulated" else []


def is_made(path):
    """Say whether a file is one that the workflow makes, such as a download."""
    # Not `resolve`, which asks the file system: there may be thousands of files.
    return Path(os.path.abspath(path)).is_relative_to(os.path.abspath(RUN))


# The files that the data come from; simulated data come from none.
try:
    FILES = seqcast_settings.find_files(settings.dataset)
except errors.SeqcastError as error:
    raise WorkflowError(str(error)) from None
DOWNLOADS = f"{RUN}/download"
# Unpacked and indexed copies: never beside the user's own files.
WORK = f"{RUN}/genome"
PLACES = seqcast_settings.find_places(FILES, DOWNLOADS)
SOURCES = [str(path) for path in PLACES.values()]
# The genome that tracks are predicted on may be another than the run's own, in a folder of its own.
FASTA = seqcast_settings.find_genome(settings.dataset, settings.genome_tracks)
if FASTA and FASTA.place not in PLACES:
    FILES = (*FILES, FASTA)
    PLACES |= seqcast_settings.find_places([FASTA], f"{DOWNLOADS}/genome_tracks")
# What browser pages show below the tracks.
SHOWN = [
    seqcast_settings.File(place, named_by="browse.annotation")
    for place in settings.browse.annotation
]
OTHERS = [file for file in SHOWN if file.place not in PLACES]
PLACES |= seqcast_settings.find_places(OTHERS, f"{DOWNLOADS}/annotation")
FILES = (*FILES, *OTHERS)
ANNOTATION = [str(PLACES[file.place]) for file in SHOWN]
URLS = {
    str(path.relative_to(DOWNLOADS)): place for place, path in PLACES.items() if str(path) != place
}
MISSING = [
    (file.named_by, path)
    for file, path in ((file, PLACES[file.place]) for file in FILES)
    if str(path) == file.place and not path.is_file()
]
# The weights of another training; those of this one are made anew when it is.
CHECKPOINT = settings.predict.checkpoint
CHECKPOINT = [] if CHECKPOINT == "best" or CHECKPOINT.isdigit() else CHECKPOINT
# Regions to predict besides, in BED.
BED = settings.predict.regions or []
MISSING += [
    (named_by, Path(path))
    for named_by, path in (("predict.checkpoint", CHECKPOINT), ("predict.regions", BED))
    # What this run makes may not be there yet.
    if path and not Path(path).is_file() and not is_made(path)
]
if MISSING:
    raise WorkflowError(
        "\n".join(
            f"config: {named_by}: there is no file {path}"
            + errors.suggest(path.name, [each.name for each in path.parent.glob("*")])
            for named_by, path in MISSING
        )
    )
# The table says how the files are read.
TABLE = settings.dataset.targets if SOURCE_KIND == "genome" else []
for named_by, path in [
    *((file.named_by, PLACES[file.place]) for file in FILES),
    ("dataset.targets", TABLE),
    ("predict.checkpoint", CHECKPOINT),
    ("predict.regions", BED),
]:
    if set("{}") & set(str(path)):
        raise WorkflowError(
            f"config: {named_by}: Snakemake takes braces in {path} for wildcards; rename it, or name"
            " a link to it"
        )
# Windows without coordinates are looked for in the genome that they were cut from.
PLACED_ON = getattr(settings.dataset, "genome", None)
PLACED_ON = str(PLACES[PLACED_ON]) if PLACED_ON else []
PLACEMENTS = f"{RUN}/locate/windows.tsv" if PLACED_ON else []
# The file that is read window by window, or the files of a genome.
SOURCE = [path for path in SOURCES if path != PLACED_ON]
REPLICATES = []
if SOURCE_KIND == "genome" and seqcast_settings.has_replicates(settings.dataset):
    REPLICATES = f"{RUN}/dataset/replicates.h5"

# A training that was stopped, by a time limit or for another's job, goes on where it was. Where
# jobs are submitted this needs nobody; elsewhere `--retries` says how often, and a user's own error
# is not repeated. Which executor it is, is not known yet when rules are read; that one submits is:
# there --jobs counts jobs, and is no other word for --cores. Within a job nothing is repeated.
RETRIES = 5 if workflow.resource_settings.nodes and not workflow.remote_exec else None
# A model is trained once, or once for each fold and replicate; then it is their mean and union.
MODELS = list(settings.models)
MEMBERS = settings.members
MEMBERS_OF = {
    model: [name for name, member in MEMBERS.items() if member.model == model] for model in MODELS
}
ENSEMBLES = [model for model, members in MEMBERS_OF.items() if members != [model]]
# Replicates are scored one by one as well; a fold alone says nothing of the whole.
REPLICATES_OF = {
    model: members if settings.folds == 1 and model in ENSEMBLES else []
    for model, members in MEMBERS_OF.items()
}
BASELINES = [f"baseline.{name}" for name in settings.evaluate.baselines]
SCORED = [*MODELS, *sum(REPLICATES_OF.values(), []), *BASELINES]

TRACKS = f"{RUN}/export/tracks.tsv"
GENOME = ("genome.fa", "genome.fa.fai", "genome.chrom.sizes", "splits.bed")
MENDED = f"{RUN}/export/.mended"
# What opens a folder of tracks.
PAGES = ("index.html", "igv.min.js", "igv_session.xml", "hub.txt", "config.json")
# Which bases matter: the pages show it where `explain` has been run; they do not ask for it.
EXPLAINED = f"{RUN}/explain/explain.json"
EXPLAINED = EXPLAINED if Path(EXPLAINED).exists() else []
PAGE = Path(workflow.basedir, "workflow/report/page.html.j2")
FIGURES = f"{RUN}/report/figures"


def as_input(files):
    """Return a user's file or files as inputs whose dates do not count; see `contents_of`."""
    if isinstance(files, str):
        return files if is_made(files) else ancient(files)
    return [as_input(path) for path in files]


@cache
def content_of(path):
    """Return what tells the content of a user's file; files that the workflow makes have dates."""
    try:
        return "" if is_made(path) else provenance.digest_samples(path)
    except OSError as error:
        raise WorkflowError(f"{path}: cannot be read ({error.strerror})") from None


def contents_of(*files):
    """Return a parameter that is another where the content of a user's files is.

    Snakemake itself asks only whether a file is newer than what was made of it. What is returned
    is a function, so that files are looked at only for jobs that depend on them.
    """
    paths = [path for each in files for path in ([each] if isinstance(each, str) else each)]
    return lambda wildcards: {path: content_of(path) for path in paths}


def code_of(step):
    """Return the digest of a step's script and all of the library that it reaches."""
    return provenance.digest_sources(Path(workflow.basedir, "scripts", f"{step}.py"))


def digest_templates(*patterns):
    """Return the digests of the parts of a page, so that a change makes the page anew."""
    parts = sorted(part for pattern in patterns for part in PAGE.parent.glob(pattern))
    return [provenance.sha256_of(part) for part in parts]


def training_of(wildcards):
    """Return what a model's weights follow from, not where and in what portions it is trained."""
    training = settings.training(wildcards.member)
    return {
        "model": settings.network(MEMBERS[wildcards.member].model).model_dump(mode="json"),
        "train": training.model_dump(mode="json", exclude=training.CIRCUMSTANCES),
        "fold": MEMBERS[wildcards.member].fold,
    }


def gpus_of(wildcards):
    """Return how many GPUs a training asks for: one a process."""
    training = settings.training(wildcards.member)
    return 0 if training.device == "cpu" else training.processes


def gpu_of(wildcards):
    """Return how many GPUs a prediction asks for."""
    return min(1, gpus_of(wildcards))


def control_of(wildcards):
    """Return the control predictions of what is scored: an ensemble's first member's, if any."""
    if wildcards.scored in BASELINES:
        return []
    member = MEMBERS_OF.get(wildcards.scored, [wildcards.scored])[0]
    return f"{RUN}/{member}/predict/control.h5"


def other_genome_of(folder):
    """Return the FASTA that a folder of tracks lies on where it is not the run's own genome."""
    if folder == "export" or not settings.genome_tracks.fasta:
        return ""
    other = PLACES[FASTA.place]
    return "" if other.resolve() in [Path(path).resolve() for path in SOURCES] else str(other)


def models_of(folder):
    """Return the models that a folder has tracks of."""
    return MODELS if folder == "export" else list(settings.genome_tracks.models or MODELS)


def of_models(folder, file):
    """Return a file of each model that a folder has tracks of."""
    return expand(f"{RUN}/{{model}}/{file}", model=models_of(folder))


def mending(wildcards):
    """Ask for `mend_tracks` when a track that the table lists, or the genome, is gone or damaged.

    The tracks cannot be declared outputs: how many targets a downloaded file has is not known
    when the DAG is built.
    """
    if not Path(TRACKS).exists():
        return []
    try:
        damaged = provenance.find_damaged_files(TRACKS)
    except errors.SeqcastError:
        # The table itself: the job that reads it says so.
        damaged = [TRACKS]
    genome = [Path(TRACKS).with_name(name) for name in GENOME]
    if not damaged and all(path.exists() for path in genome):
        return []
    Path(MENDED).unlink(missing_ok=True)
    return MENDED
