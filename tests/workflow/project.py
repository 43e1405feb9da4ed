"""The real pipeline, driven as a person drives it, on tiny inputs."""

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

import yaml
from forks import run_snakemake

ROOT = Path(__file__).parents[2]
TINY = {
    "run": "tiny",
    "dataset": {
        "source": "simulated",
        "window": 4096,
        "stride": 4096,
        "chromosomes": {"chrA": 90_000, "chrB": 40_100, "chrC": 40_000},
        "valid": ["chrB"],
        "test": ["chrC"],
    },
    "models": {
        "default": {
            "network": {
                "downsample": [[8, 11, 4, 0], [8, 7, 4, 0.05], [12, 7, 8, 0.05]],
                "dilated": [[8, 3, 1, 0.1], [8, 3, 2, 0.1]],
            },
            "train": {"epochs": 2, "threads": 1, "snapshots": "every"},
        }
    },
    "evaluate": {"baselines": ["gc"]},
}


@dataclass
class Project:
    """A copy of the project in a folder of its own, and a config."""

    folder: Path
    config: Path

    def run(self, *words: str, **environment: str) -> tuple[int, str]:
        """Run Snakemake, however it ends; return its exit code and all it says."""
        words = (*words, "--configfile", str(self.config))
        if not {"-n", "--lint", "--report", "--profile"} & set(words):
            words = (*words, "--cores", "2")
        # Threads that wait take no processor from the tests beside this one.
        quiet = {"OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "PASSIVE"}
        return run_snakemake(words, self.folder, {**os.environ, **quiet, **environment})

    def snakemake(self, *words: str, check: bool = True, **environment: str) -> str:
        """Run Snakemake; return all it says."""
        code, said = self.run(*words, **environment)
        assert (code == 0) == check, said[-6000:]
        return said

    def jobs(self, *words: str, **environment: str) -> dict[str, int]:
        """Return which jobs a dry run would do, and how many of each."""
        said = self.snakemake("-n", *words, **environment)
        if "Nothing to be done" in said:
            return {}
        table = said.split("Job stats:")[1].split("\n\n")[0].splitlines()[3:]
        rows = (line.split() for line in table if line.strip())
        return {name: int(count) for name, count in rows if name not in ("total", "all")}

    def write_config(self, config: dict) -> None:
        """Set the config of the next runs."""
        self.config.write_text(yaml.safe_dump(config))

    @property
    def results(self) -> Path:
        """The folder of the tiny run."""
        return self.folder / "results" / "tiny"


def make_project(folder: Path, config: dict) -> Project:
    for part in ("Snakefile", "workflow", "config", "envs", "scripts", "profiles"):
        copy = shutil.copytree if (ROOT / part).is_dir() else shutil.copy
        copy(ROOT / part, folder / part)
    project = Project(folder, folder / "config" / "tiny.yaml")
    project.write_config(config)
    return project
