"""What a recipe may set of `magnitude`."""

from __future__ import annotations

from typing import Literal

from pipeline.compress import PRUNING, WEIGHTS
from pipeline.compress.settings.sparse import Sparse

STAGE, FAMILY = WEIGHTS, PRUNING


class Settings(Sparse):
    """scope: compare a weight with those of all matrices (global) or of its own (matrix).  A pattern looks at groups alone."""

    scope: Literal["global", "matrix"] = "global"
