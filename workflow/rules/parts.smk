# What tracks of a genome and of regions are made of, and what their rules ask about it.
import json

SCOPE = "genome_tracks|regions"
SCOPED = f"{RUN}/{{scope}}"
REGIONS_TABLE = f"{RUN}/regions/regions.tsv"
REGIONS = (
    expand(f"{RUN}/regions/{{file}}", file=("tracks.tsv", "regions.tsv", *PAGES))
    if FILES.regions
    else []
)
TRACK_MODELS = models_of("genome_tracks")
TRACK_MEMBERS = [member for model in TRACK_MODELS for member in MEMBERS_OF[model]]
TRACK_WEIGHTS = expand(f"{RUN}/{{member}}/train/model.safetensors", member=TRACK_MEMBERS)
# What Linux, and Windows' Linux, have where there is an NVIDIA GPU.
GPU_FILES = ("nvidiactl", "dxg")
# Simulated data have their genome in the dataset; windows without a place have none.
HAS_GENOME = bool(FILES.tracks_genome) or SOURCE.IS_SIMULATED
# On another genome nothing was observed, and nothing held out.
IS_OWN = not other_genome_of("genome_tracks")


def read_plan(scope):
    """Return a plan, an empty one where there is none yet.

    What Snakemake calls it is where it lies, in a storage fetched to this machine.
    """
    plan = checkpoints.genome_tracks_plan.get(scope=scope).output.plan
    with plan.open() as file:
        try:
            said = json.load(file)
            digests = {part["name"]: part["digest"] for part in said["parts"]}
            return {"parts": digests, "groups": said["groups"]}
        except (ValueError, TypeError, KeyError):
            # The jobs that read a damaged plan say so.
            return {"parts": {}, "groups": []}


def read_parts(scope):
    """Return the digest of each part of a plan by name."""
    return read_plan(scope)["parts"]


def find_parts(scope):
    """Return the predicted parts of all members, as many as the plan has."""
    return expand(
        f"{SCOPED}/parts/{{member}}/{{part}}.h5",
        scope=scope,
        member=TRACK_MEMBERS,
        part=read_parts(scope),
    )


def find_joined(scope):
    """Return the tables of tracks, one a group of targets."""
    groups = range(len(read_plan(scope)["groups"]))
    return expand(f"{SCOPED}/tracks/{{group}}.tsv", scope=scope, group=groups)


def gpu_of_part(wildcards):
    """Return how many GPUs a part asks for.

    None on a machine without: there a limit on `gpu` would let one part run at a time.
    """
    device = training_of(wildcards).device
    elsewhere = workflow.remote_exec or not workflow.local_exec
    is_there = any(Path(os.sep, "dev", name).exists() for name in GPU_FILES)
    return int(device == "cuda" or (device == "auto" and (is_there or elsewhere)))


def threads_of_part(wildcards):
    """Return a part's share of the cores: as many parts run at once as there are cores, or GPUs.

    A process a core is faster than a process with many threads, but where a limit on `gpu` lets
    only some jobs run, they share all cores. A part that is submitted has a job of its own.
    """
    if IS_SUBMITTED:
        return threads_of("genome_tracks_part")(wildcards)
    limit = workflow.global_resources.get("gpu")
    at_once = min(CORES, max(1, len(read_parts(wildcards.scope)) * len(TRACK_MEMBERS)))
    if gpu_of_part(wildcards) and limit and limit.value:
        at_once = min(at_once, limit.value)
    return training_of(wildcards).threads or CORES // at_once
