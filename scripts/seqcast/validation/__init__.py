"""What a source holds, and whether a network may learn from it.

`validate_genome` is in `seqcast.validation.genome`: it needs the readers of FASTA and bigWig, which
steps that only look at a file do not have.
"""

from seqcast.validation.checks import (
    read_first_window,
    validate,
    validate_dataset,
)
from seqcast.validation.verdict import make_verdict

__all__ = ["make_verdict", "read_first_window", "validate", "validate_dataset"]
