"""Run TF-MoDISco and tomtom. The only module that imports them, in an interpreter of its own.

    python modisco.py discover ohe.npz attr.npz modisco.h5 SEQLETS SEED
    python modisco.py compare  motifs.npz compared.npz
    python modisco.py versions

`make motifs` sets that interpreter up: leidenalg and igraph, which TF-MoDISco needs, are GPL, and
numba is large. So nothing of seqcast is imported here. Prints JSON as its last line.
"""

import json
import random
import sys
import warnings
from importlib.metadata import version

import numpy as np

# What `modisco motifs` takes where nothing is said; the library's own defaults differ.
_CORE = 20
_FLANK = 5
_FDR = 0.05
_LIKE_THE_PROGRAM = {
    "sliding_window_size": _CORE,
    "flank_size": _FLANK,
    "target_seqlet_fdr": _FDR,
    "trim_to_window_size": 30,
    "initial_flank_to_add": 10,
    "final_flank_to_add": 0,
    "n_leiden_runs": 2,
}
# TF-MoDISco does not cluster fewer of one sign.
MIN_SEQLETS = 100


def discover(sequences: str, contributions: str, output: str, seqlets: str, seed: str) -> dict:
    """Look for patterns in hypothetical contributions, (regions, 4, width); write what is found.

    Returns how many seqlets of either sign were extracted before.
    """
    import modiscolite

    # Leiden and all samples have fixed seeds within TF-MoDISco; these are for what might not.
    random.seed(int(seed))
    np.random.seed(int(seed))  # noqa: NPY002
    one_hot = np.load(sequences)["arr_0"].transpose(0, 2, 1).astype("float32")
    hypothetical = np.load(contributions)["arr_0"].transpose(0, 2, 1).astype("float32")
    try:
        found = _count_seqlets((one_hot * hypothetical).sum(axis=2))
    except (ValueError, IndexError) as error:
        return {"positive": 0, "negative": 0, "refused": str(error)}
    positive, negative = modiscolite.tfmodisco.TFMoDISco(
        one_hot, hypothetical, max_seqlets_per_metacluster=int(seqlets), **_LIKE_THE_PROGRAM
    )
    modiscolite.io.save_hdf5(output, positive or [], negative or [], one_hot.shape[1])
    return found


def _count_seqlets(projected: np.ndarray) -> dict:
    """Return how many seqlets of either sign there are, as TF-MoDISco itself counts them."""
    from modiscolite.extract_seqlets import extract_seqlets

    coordinates, threshold = extract_seqlets(
        projected,
        window_size=_CORE,
        flank=_FLANK,
        suppress=_CORE // 2 + _FLANK,
        target_fdr=_FDR,
        min_passing_windows_frac=0.03,
        max_passing_windows_frac=0.2,
        weak_threshold_for_counting_sign=0.8,
    )
    sums = np.array(
        [
            projected[each.example_idx, each.start + _FLANK : each.end - _FLANK].sum()
            for each in coordinates
        ]
    )
    return {"positive": int((sums > threshold).sum()), "negative": int((sums < -threshold).sum())}


def compare(asked: str, output: str) -> dict:
    """Compare motifs with others by tomtom; both lists are arrays (4, width) in an npz.

    Its keys are `query.0`, `query.1` ... and `target.0` ...; written are `p`, `offset`, `overlap`
    and `reverse`, (queries, targets) each.
    """
    from memelite import tomtom

    with np.load(asked) as file:
        queries, targets = (
            [file[f"{kind}.{at}"] for at in range(sum(key.startswith(kind) for key in file))]
            for kind in ("query", "target")
        )
    with warnings.catch_warnings():
        # Of few targets; `naming` adds to them.
        warnings.simplefilter("ignore")
        p, _, offset, overlap, reverse = tomtom(queries, targets)
    np.savez(output, p=p, offset=offset, overlap=overlap, reverse=reverse)
    return {}


def versions() -> dict:
    """Return the versions of what is run here."""
    names = ("modisco-lite", "memelite", "leidenalg", "igraph", "numba", "numpy")
    return {name: version(name) for name in names} | {"python": sys.version.split()[0]}


if __name__ == "__main__":
    _command, *_arguments = sys.argv[1:]
    _does = {"discover": discover, "compare": compare, "versions": versions}[_command]
    print(json.dumps(_does(*_arguments)), flush=True)
