"""Learn to predict coverage tracks from DNA sequence, and write them as genome-browser tracks.

The submodules load on first use, so ``import seqcast`` costs nothing and a workflow that only
checks its settings never loads torch::

    import seqcast
    network = seqcast.checkpoint.read_model("model.safetensors")
    coverage = seqcast.inference.predict(network, codes)
"""

from importlib import import_module

__version__ = "0.1.0"


def __getattr__(name: str):
    try:
        return import_module(f"{__name__}.{name}")
    except ModuleNotFoundError as error:
        # A missing dependency of a submodule is another fault than a misspelt submodule.
        if error.name != f"{__name__}.{name}":
            raise
        raise AttributeError(f"seqcast has no module {name!r}") from None
