"""Snakemake that begins at once: imports are two thirds of a dry run, and are made once.

As a program this is the process that has imported Snakemake: it reads lines of JSON, forks for
each, and answers how that ended and what it said. Jobs are started as ever, each in its own Python.
"""

import atexit
import functools
import importlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

# What Snakemake and the Snakefile import, but for the library, which is the copy's own.
IMPORTED = ("snakemake.cli", "nbformat", "pydantic", "smart_open", "yaml")


def run_snakemake(words: Sequence[str], folder: Path, environment: dict) -> tuple[int, str]:
    """Run Snakemake in a folder; return its exit code and all that it says."""
    server = _start()
    print(json.dumps([words, str(folder), environment]), file=server.stdin, flush=True)
    code, said = json.loads(server.stdout.readline())
    return code, said


@functools.cache
def _start() -> subprocess.Popen[str]:
    command = [sys.executable, __file__]
    server = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    atexit.register(server.communicate)  # which closes its input: that is its end
    return server


def _serve() -> None:
    for name in IMPORTED:
        importlib.import_module(name)
    snakemake = sys.modules["snakemake.cli"]
    snakemake.get_argument_parser()  # imports the plugins
    for line in sys.stdin:
        words, folder, environment = json.loads(line)
        with tempfile.TemporaryFile("w+") as said:
            if not (child := os.fork()):
                os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
                os.dup2(said.fileno(), 1)
                os.dup2(said.fileno(), 2)
                os.chdir(folder)
                os.environ.clear()
                os.environ.update(environment)
                # As `python -m snakemake` has them.
                sys.path[0] = folder
                sys.argv = ["snakemake", *words]
                sys.exit(snakemake.main(words))
            code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
            said.seek(0)
            print(json.dumps([code, said.read()]), flush=True)


if __name__ == "__main__":
    _serve()
