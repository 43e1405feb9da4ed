"""torchrun for a training: `python -m seqcast.training.agent`, with torchrun's own options.

A process that fails has said why; torchrun's own account of it would only hide that.
"""

import signal
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
        # The first to leave has torchrun end the others, who have saved by then as well.
        is_stopped = Stopped.exit_code in codes and codes <= {Stopped.exit_code, -signal.SIGTERM}
        return Stopped.exit_code if is_stopped else 1
    except SignalException:
        # The processes were told, and had half a minute to save themselves.
        return Stopped.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(run_agent())
