"""Write coverage as bigWig, right at every zoom level, and read it back.

An own writer, because those at hand go wrong. pyBigWig (0.3.29) leaves the last record of each zoom
level empty and drops values every 1,023 records, does not raise when a disk fills, and checks
neither a run's end nor the byte order of its values. pybigtools (0.3.0) counts bases of gaps in its
zoom levels, and takes 8 bytes a bin instead of 5. Both read well, and read back what was written.
"""

from seqcast.genome.bigwig.runs import Run, split_runs
from seqcast.genome.bigwig.writing import write_bigwig

__all__ = ["Run", "split_runs", "write_bigwig"]
