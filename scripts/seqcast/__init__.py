"""Learn to predict coverage tracks from DNA sequence, and write them as genome-browser tracks.

``import seqcast`` loads nothing: a workflow that only checks its settings never loads torch::

    >>> from seqcast.predict.predictor import Predictor
    >>> predictor = Predictor.open("model.safetensors")
    >>> coverage = predictor.predict(codes)
"""

import os

__version__ = "0.1.0"

# Read once, when torch is loaded, so they stand here, before any module that imports it. What the
# user has set is kept.
#
# OpenMP's threads wait for each other by spinning, 3 ms by default. Where something else runs, the
# one that is waited for has no processor meanwhile: beside other trainings that was five times
# slower than one thread. Some 10 microseconds bridge most of what lies between two operations.
if "OMP_WAIT_POLICY" not in os.environ:
    os.environ.setdefault("GOMP_SPINCOUNT", "1000")
# MKL gives the same product to the last bit in every run only in one of its reproducible modes:
# https://www.intel.com/content/www/us/en/docs/onemkl/developer-guide-linux/2024-1/reproducibility-conditions.html
os.environ.setdefault("MKL_CBWR", "AUTO")
