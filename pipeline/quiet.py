"""Keeps libraries' progress bars and advice off the terminal."""

from __future__ import annotations

import contextlib
import io
import logging
import warnings
from collections.abc import Iterator

import numpy as np


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Nothing is printed, logged below an error or warned of inside; exceptions still come through.

    A handler that a library gives the root logger is taken away again.
    """
    root = logging.getLogger()
    before = root.manager.disable, root.level, list(root.handlers)
    logging.disable(logging.WARNING)
    try:
        with (warnings.catch_warnings(), np.errstate(all="ignore"),
              contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO())):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before[0])
        root.setLevel(before[1])
        root.handlers[:] = before[2]
