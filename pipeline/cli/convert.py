"""``edge convert``: a model directory into a Parquet file of weights, and back."""

from __future__ import annotations

import argparse
from pathlib import Path

from pipeline.cli.common import Subparsers, size


def add(subparsers: Subparsers) -> None:
    parser = subparsers.add_parser("convert", help="weights: a model directory into a Parquet file, and back, bit for bit")
    parser.add_argument("source", type=Path, help="a model directory, or a Parquet file of weights")
    parser.add_argument("target", type=Path, help="the Parquet file, or the directory; must not be there yet")
    parser.add_argument("--compression", default="zstd", help="of the weights in Parquet: zstd, gzip or none [%(default)s]")
    parser.add_argument("--old", action="store_true", help="the columns of V1, for readers that know no others")
    parser.add_argument("--shard-size", type=size, metavar="SIZE", help="largest safetensors file, say 2GB [the files that the model had]")
    parser.add_argument("--check", action="store_true", help="refuse weights that are NaN or infinite")
    parser.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    from pipeline.formats.parquet.convert import left_out, to_directory, to_parquet
    if options.source.is_dir():
        to_parquet(options.source, options.target, compression=options.compression, version=1 if options.old else None, check=options.check)
        if names := left_out(options.source):
            print(f"left out: {', '.join(names)}")
    else:
        to_directory(options.source, options.target, shard_size=options.shard_size, check=options.check)
        if not (options.target / "config.json").is_file():
            print(f"{options.source} holds weights alone: put config.json and the tokenizer into {options.target}")
    return 0
