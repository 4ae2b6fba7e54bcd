"""Weights in Parquet: one row a tensor, lossless both ways, and one tensor readable without the rest.

V1 columns: layer_name string, shape list<int32>, dtype string, data binary, num_params int64.  V2 has quant_type string, scales and
zero_points binary (float32), quant_axis int32 (-1 for the whole tensor) and group_size int32 (0 for all inputs) as well.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pipeline.formats.parquet.convert import to_directory, to_parquet
    from pipeline.formats.parquet.loader import WeightLoader

__all__ = ["WeightLoader", "is_parquet", "to_directory", "to_parquet"]


def is_parquet(path: Path) -> bool:
    """Whether it is a file that begins as Parquet does."""
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return file.read(4) == b"PAR1"


def __getattr__(name: str) -> Any:
    """The rest, which needs pyarrow, when it is asked for."""
    from importlib import import_module

    homes = {"to_parquet": "convert", "to_directory": "convert", "WeightLoader": "loader"}
    if name not in homes:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{homes[name]}"), name)
