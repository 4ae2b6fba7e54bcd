"""Weights in Parquet: one row a tensor, lossless both ways, and one tensor readable without the rest.

V1 columns: layer_name string, shape list<int32>, dtype string, data binary, num_params int64.  V2 has quant_type string, scales and
zero_points binary (float32), quant_axis int32 (-1 for the whole tensor) and group_size int32 (0 for all inputs) as well.
"""

from __future__ import annotations

from pipeline.formats.parquet.convert import to_directory, to_parquet
from pipeline.formats.parquet.files import is_parquet
from pipeline.formats.parquet.loader import WeightLoader

__all__ = ["WeightLoader", "is_parquet", "to_directory", "to_parquet"]
