"""A genome made from a seed, with ten coverage tracks that follow from its sequence."""

from seqcast.sources.simulated.writing import write_simulated

__all__ = ["write_simulated"]
