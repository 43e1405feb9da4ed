"""Find the interpreter that has TF-MoDISco, and run `modisco` in it."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from seqcast.core.console import log
from seqcast.core.errors import SeqcastError
from seqcast.motifs import modisco

_GET_IT = (
    "`make motifs` installs it in .venv-motifs, and `snakemake --sdm conda` in an environment of"
    " its own; without it, set motifs.discover: false and name motifs.database"
)


@dataclass(frozen=True)
class Tools:
    """An interpreter that has TF-MoDISco and tomtom, and how they are run.

    What numba compiles is kept in the folder `cache`, so that it is compiled once.
    """

    python: Path
    cache: Path
    threads: int = 1

    @classmethod
    def find(cls, python: Path, cache: Path, threads: int = 1) -> "Tools":
        """Return this interpreter where it has TF-MoDISco, as in conda, else `python`.

        Raises `SeqcastError` where neither has.
        """
        if find_spec("modiscolite") and find_spec("memelite"):
            return cls(Path(sys.executable), cache.resolve(), threads)
        if not python.is_file():
            raise SeqcastError(f"motifs: TF-MoDISco is not there ({python} is missing); {_GET_IT}")
        # Not `resolve`, which follows the link out of the virtual environment.
        return cls(python.absolute(), cache.resolve(), threads)

    def read_versions(self) -> dict[str, str]:
        """Return the versions of all that is run; raise `SeqcastError` where it cannot be."""
        return self._run("versions")

    def discover(self, arrays: Sequence[Path], output: Path, seqlets: int, seed: int) -> Any:
        """Look for patterns in the one-hot and the contributions; see `modisco.discover`."""
        return self._run("discover", *arrays, output, seqlets, seed)

    def compare(
        self, queries: Sequence[np.ndarray], targets: Sequence[np.ndarray]
    ) -> Mapping[str, np.ndarray]:
        """Compare motifs (width, 4) by tomtom; return (queries, targets) arrays.

        `p` of the best alignment on either strand; there, base 0 of the query lies at `offset` of
        the target, `overlap` bases match, and `reverse` says if the target is reversed.
        """
        with tempfile.TemporaryDirectory() as folder:
            asked, output = Path(folder, "asked.npz"), Path(folder, "compared.npz")
            arrays = {f"query.{at}": each.T for at, each in enumerate(queries)}
            arrays |= {f"target.{at}": each.T for at, each in enumerate(targets)}
            np.savez(asked, **arrays)
            self._run("compare", asked, output)
            with np.load(output) as file:
                return dict(file)

    def _run(self, *words: object) -> Any:
        command = [str(self.python), "-P", "-s", modisco.__file__, *map(str, words)]
        self.cache.mkdir(parents=True, exist_ok=True)
        done = subprocess.run(command, env=self._environment(), capture_output=True, text=True)
        if done.returncode:
            log.debug("%s", done.stderr)
            last = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
            raise SeqcastError(
                f"{self.python}: TF-MoDISco ended with {done.returncode}: {last}; if a package is"
                f" missing, {_GET_IT}"
            )
        return json.loads(done.stdout.strip().splitlines()[-1])

    def _environment(self) -> dict[str, str]:
        """Return what is set for it: as many threads as asked for, nothing of this Python's own."""
        kept = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
        threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
        return {
            **kept, **threads,
            "PYTHONHASHSEED": "0",
            "NUMBA_NUM_THREADS": str(self.threads),
            "NUMBA_CACHE_DIR": str(self.cache),
        }  # fmt: skip
