"""HDF5 files of Basenji's first format, such as the course's `seq.h5`."""

from seqcast.sources.basenji.writing import write_dataset

__all__ = ["write_dataset"]
