"""What a source holds, and whether a network may learn from it."""

from seqcast.validation.checks import (
    read_first_window,
    validate,
    validate_dataset,
)
from seqcast.validation.genome import validate_genome
from seqcast.validation.verdict import make_verdict

__all__ = ["make_verdict", "read_first_window", "validate", "validate_dataset", "validate_genome"]
