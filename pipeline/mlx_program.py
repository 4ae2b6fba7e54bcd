"""Programs that use mlx-lm, each in a process of its own: importing it costs seconds and memory, and lowers the process's limits."""

from __future__ import annotations

import platform
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from pipeline.process import run


def run_mlx(program: Sequence[str], *, log: Path, on_line: Callable[[str], None] | None = None) -> None:
    """Run ``python -m program`` as `pipeline.process.run` does; nothing is fetched, and on Linux, where MLX would call a C++ compiler,
    nothing compiled."""
    compiles = {} if platform.system() == "Darwin" else {"MLX_DISABLE_COMPILE": "1"}
    log.parent.mkdir(parents=True, exist_ok=True)
    run([sys.executable, "-P", "-m", *program], env={"HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false", **compiles}, log=log,
        on_line=on_line)
