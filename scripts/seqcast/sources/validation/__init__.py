"""What a source holds, and whether a network may learn from it.

`validate_genome` is in `seqcast.sources.validation.genome`: it needs the readers of FASTA and
bigWig, which steps that only look at a file do not have.
"""

from seqcast.sources.validation.checks import read_first_window, validate
from seqcast.sources.validation.simulated import validate_dataset
from seqcast.sources.validation.verdict import conclude, make_verdict

__all__ = ["conclude", "make_verdict", "read_first_window", "validate", "validate_dataset"]
