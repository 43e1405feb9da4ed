"""torchrun for a training: `python -m seqcast.training.agent`, with torchrun's own options.

A process that fails has said why; torchrun's own account of it would only hide that.
"""

import sys

from torch.distributed.elastic.multiprocessing.api import SignalException
from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
from torch.distributed.run import main

from seqcast.errors import Stopped
from seqcast.training.worker import leave_with_parent


def run_agent() -> int:
    """Run torchrun; return the exit code of the first process that failed, 0 if none."""
    leave_with_parent()
    try:
        main()
    except ChildFailedError as error:
        codes = {failure.exitcode for failure in error.failures.values()}
        return Stopped.exit_code if codes <= {Stopped.exit_code} else 1
    except SignalException:
        # The processes were told, and had half a minute to save themselves.
        return Stopped.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(run_agent())
