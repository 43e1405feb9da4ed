# What the files of a run are called, and what rules ask about them.
import time
from functools import cache

RUN = f"results/{settings.run}"
SOURCE = settings.dataset
DATASET = f"{RUN}/dataset/dataset.h5"
DATASET_SETTINGS = tracked(settings.dataset)
MANIFEST = f"{RUN}/dataset/manifest.json"
VALIDATION = f"{RUN}/validate/validation.json"
FIRST_LOOK = f"{RUN}/validate/first_look.png"
TRUTH = f"{RUN}/dataset/truth.h5" if SOURCE.IS_SIMULATED else []
KNOWN_VARIANTS, KNOWN_EFFECTS, KNOWN_MOTIFS = (
    f"{RUN}/dataset/{file}" if SOURCE.IS_SIMULATED else []
    for file in ("variants.vcf", "variants_truth.tsv", "motifs.meme")
)


# What several runs may share: downloads, and genomes unpacked and indexed, never beside the user's
# own files.
SHARED = f"results/{seqcast_settings.SHARED}"
DOWNLOADS = f"{SHARED}/download"
FOLDERS = untracked(downloads=DOWNLOADS, work=f"{SHARED}/genome")
try:
    FILES = seqcast_settings.find_run_files(settings, DOWNLOADS, made=(RUN, SHARED))
except errors.SeqcastError as error:
    raise WorkflowError(str(error)) from None
PLACEMENTS = f"{RUN}/locate/windows.tsv" if FILES.genome else []
REPLICATES = f"{RUN}/dataset/replicates.h5" if FILES.has_replicates else []

# A training that was stopped, by a time limit or for another's job, goes on where it was. Where
# jobs are submitted this needs nobody; elsewhere `--retries` says how often, and a user's own error
# is not repeated. Which executor it is, is not known yet when rules are read; that one submits is:
# there --jobs counts jobs, and is no other word for --cores. Within a job nothing is repeated.
SUBMITS = workflow.resource_settings.nodes and not workflow.remote_exec
RETRIES = 5 if SUBMITS else None
# Within such a job `--cores` counts those of the node, of which the job has its own alone.
IS_SUBMITTED = SUBMITS or workflow.remote_exec
CORES = workflow.resource_settings.cores or 1
# A model is trained once, or once for each fold and replicate; then it is their mean and union.
MODELS = list(settings.models)
MEMBERS = settings.members
MEMBERS_OF = {
    model: [name for name, member in MEMBERS.items() if member.model == model] for model in MODELS
}
# Of each model in the genome's tracks, the fold that each member is tested on.
FOLDS_OF = {model: {name: MEMBERS[name].fold for name in MEMBERS_OF[model]} for model in MODELS}
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
REPAIRED = f"{RUN}/export/.repaired.{{when}}"
# What opens a folder of tracks.
PAGES = ("index.html", "igv.min.js", "igv_session.xml", "hub.txt", "config.json")
# Which bases matter: the pages show it where the config has a section for it, or it has been run.
EXPLAINED = f"{RUN}/explain/explain.json"
if not config.get("explain") and not Path(EXPLAINED).exists():
    EXPLAINED = []
# What variants do, and the pages show, where the config names any: without the file they could not
# be scored anew with a model that is trained anew.
VARIANTS_PLAN = f"{RUN}/variants/parts/plan.json"
VARIED = f"{RUN}/variants/variants.json" if FILES.variants else []
# Which motifs the model reads, and what they do: as EXPLAINED.
MOTIFS, MOTIF_HITS, MOTIF_EFFECTS = (
    f"{RUN}/motifs/{file}" for file in ("motifs.json", "hits.bed", "effects.json")
)
if not config.get("motifs") and not Path(MOTIFS).exists():
    MOTIFS, MOTIF_HITS, MOTIF_EFFECTS = [], [], []
# What lies beside these and is read with them.
BESIDE = [
    f"{RUN}/{file}"
    for is_there, files in (
        (EXPLAINED, ["explain/summary.tsv"]),
        (VARIED, ["variants/variants.h5"]),
        (MOTIFS, [f"motifs/{name}" for name in ("motifs.meme", "hits.tsv", "counts.tsv")]),
        (MOTIF_EFFECTS, ["motifs/effects.tsv", "motifs/pairs.tsv"]),
        (MOTIFS and settings.motifs.discover, ["motifs/patterns.tsv", "motifs/patterns.h5"]),
    )
    if is_there
    for file in files
]
PAGE = Path(workflow.basedir, "workflow/report/page.html.j2")
FIGURES = f"{RUN}/report/figures"


def is_made(path):
    """Say whether a file is one that the workflow makes, such as a download."""
    return seqcast_settings.is_within(path, (RUN, SHARED))


def as_input(files):
    """Return a user's file or files as inputs whose dates do not count; see `contents_of`.

    They lie on this machine, also where results are stored elsewhere.
    """
    if isinstance(files, str):
        return (files if is_made(files) else local(ancient(files))) if files else []
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
    paths = [path for each in files for path in ([each] if isinstance(each, str) else each) if path]
    return lambda wildcards: {path: content_of(path) for path in paths}


def code_of(step):
    """Return the digest of a step's script and all of the library that it reaches."""
    return provenance.digest_sources(Path(workflow.basedir, "scripts", f"{step}.py"))


def digest_templates(*patterns):
    """Return the digests of the parts of a page, so that a change makes the page anew."""
    parts = sorted(part for pattern in patterns for part in PAGE.parent.glob(pattern))
    return [provenance.sha256_of(part) for part in parts]


def training_of(wildcards):
    """Return the training of a member."""
    return settings.training(wildcards.member)


def runtime_of(wildcards):
    """Return on what and in what portions a member predicts, which changes no prediction."""
    training = training_of(wildcards)
    how = {key: getattr(training, key) for key in ("device", "precision", "threads")}
    return untracked(settings.predict, **how)


def gpus_of(wildcards):
    """Return how many GPUs a training asks for: one a process."""
    training = training_of(wildcards)
    return 0 if training.device == "cpu" else training.processes


def gpu_of(wildcards):
    """Return how many GPUs a prediction asks for."""
    return min(1, gpus_of(wildcards))


def cores_of(rule):
    """Return the cores of what takes all there are: where jobs are submitted, a number of its own."""
    return seqcast_resources.JOBS[rule].cores if IS_SUBMITTED else CORES


def threads_of(rule):
    """Return a function that says how many threads a job with a network takes.

    What is submitted asks for cores of its own, no fewer where a training takes fewer threads.
    """

    def find_threads(wildcards):
        threads, cores = training_of(wildcards).threads, cores_of(rule)
        return max(threads or 0, cores) if IS_SUBMITTED else threads or cores

    return find_threads


@cache
def read_size(*changed):
    """Return what is known of the size of this run; once for all jobs, until a file is another."""
    size = seqcast_resources.read_size(VALIDATION)
    return seqcast_resources.add_asked(size, settings, VARIANTS_PLAN)


def find_size():
    """Return what validation and the plan of variants say of this run's size, or zeros."""
    paths = Path(VALIDATION), Path(VARIANTS_PLAN)
    return read_size(*(path.stat().st_mtime_ns if path.exists() else 0 for path in paths))


def resources_of(rule):
    """Return what a rule's jobs ask for, more at each attempt: its line of `JOBS`.

    Once there is a validation, what it says of the run's size counts as well.
    """

    def memory_of(wildcards, attempt):
        is_training = rule == "train_model"
        batch = (training_of(wildcards) if is_training else settings.predict).batch_size
        return seqcast_resources.request_memory(rule, attempt, find_size(), batch)

    def minutes_of(wildcards, attempt):
        return seqcast_resources.request_minutes(rule, attempt, find_size())

    turn = {"turn": 1} if seqcast_resources.JOBS[rule].turn else {}
    return {"mem_mb": memory_of, "runtime": minutes_of, **turn}


def group_of(rule):
    """Return which rules' jobs are submitted as one with a rule's, where jobs are submitted."""
    return seqcast_resources.JOBS[rule].group if SUBMITS else None


def other_genome_of(folder):
    """Return the FASTA that a folder of tracks lies on where it is not the run's own genome."""
    return "" if folder == "export" else FILES.other_genome


def models_of(folder):
    """Return the models that a folder has tracks of."""
    return MODELS if folder == "export" else list(settings.genome_tracks.models or MODELS)


def of_models(folder, file):
    """Return a file of each model that a folder has tracks of."""
    return expand(f"{RUN}/{{model}}/{file}", model=models_of(folder))


@cache
def find_repair():
    """Ask for `repair_tracks` when a track that the table lists, or the genome, is gone or damaged.

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
    # A name that no repair before had, so that none is taken for this one.
    return REPAIRED.format(when=time.time_ns())
