"""AngelSlim (Tencent, Apache-2.0) as a backend of quantisation, in an environment and a process of its own.

``python -m pipeline.environment angelslim`` makes the environment, 7 MB beside this one.  `methods` are its methods, `calibration` the
prompts it sees, `worker` the program that runs its engine, `failures` what it may fail of, `result` what is done with what it wrote.
"""

from __future__ import annotations

from pipeline.compress.angelslim.adapter import ENVIRONMENT, LIBRARIES, available, quantise
from pipeline.compress.angelslim.methods import METHODS
from pipeline.environment import UnavailableError as Unavailable

__all__ = ["ENVIRONMENT", "LIBRARIES", "METHODS", "Unavailable", "available", "quantise"]
