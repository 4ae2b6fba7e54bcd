"""One process of a training, started by torch's launcher as ``rank.py MODULE ARGUMENTS…``; it ends with the launcher.

The launcher puts each of its processes into a session of its own, so that a kill of the launcher would leave them training.
"""

from __future__ import annotations

import os
import runpy
import signal
import sys

if __name__ == "__main__":
    launcher = os.getppid()
    if sys.platform == "linux":
        import ctypes
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG
    if os.getppid() != launcher:
        sys.exit("the launcher has ended")
    sys.path.pop(0)  # this folder, whose modules bear the names of others
    del sys.argv[0]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
