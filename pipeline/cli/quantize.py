"""``edge quantize``: a model's weights in fewer bits, by one of several backends."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import Any

from pipeline.cli.common import RESULTS, Subparsers, add_store
from pipeline.errors import EdgeError
from pipeline.quantize.config import QuantizationConfig


def add(subparsers: Subparsers) -> None:
    parser = subparsers.add_parser(
        "quantize", help="weights in 8 or 4 bits, from a model directory or Parquet file",
        description="Each setting also stands in a YAML file (--config), or in the environment as EDGE_QUANTIZE_NAME; a flag comes first.")
    for name, field in QuantizationConfig.model_fields.items():
        shown = "" if field.default in (None, ()) or field.is_required() else f" [{field.default}]"
        says = {"default": argparse.SUPPRESS, "help": f"{field.description}{shown}".replace("%", "%%")}
        flag = f"--{name.replace('_', '-')}"
        if field.annotation is bool:
            parser.add_argument(flag, action=argparse.BooleanOptionalAction, **says)
        else:
            parser.add_argument(flag, metavar=name.upper(), **says, **({"nargs": "+"} if name == "ignore" else {}))
    parser.add_argument("--config", type=Path, metavar="FILE", help="settings as YAML")
    parser.add_argument("--resume", action="store_true", help="go on where a killed run ended, and keep what is finished if this one is")
    parser.add_argument("--dry-run", action="store_true", help="what would become of each tensor, bytes and seconds; builds nothing")
    parser.add_argument("--compare", nargs="+", metavar="METHOD", help="quantise by several methods and show what each costs; METHOD or "
                        "BACKEND:METHOD")
    parser.add_argument("--texts", help="what --compare reads: a text file, .jsonl, or wikitext or c4")
    parser.add_argument("--tasks", nargs="+", default=[], metavar="TASK[=FILE]", help="questions that --compare asks as well (intents, "
                        "ceval, mmlu, gsm8k, cmath): those of a .jsonl file, else the profile's challenge queries or a hub's")
    parser.add_argument("--rounds", type=int, default=0, help="decisions among the profile's intents that --compare times of each model "
                        "that ONNX Runtime serves with its own weights, in turns [%(default)s: none]")
    parser.add_argument("--reports", type=Path, default=RESULTS.parent, help="where --compare writes quantization.* [%(default)s]")
    add_store(parser)
    parser.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    from pipeline.quantize.layers import layered
    given = {name: getattr(options, name) for name in QuantizationConfig.model_fields if hasattr(options, name)}
    config = layered(given, options.config, os.environ)
    if options.compare:
        return _compare(options, config)
    return _dry_run(options, config) if options.dry_run else _quantize(options, config)


def _quantize(options: argparse.Namespace, config: QuantizationConfig) -> int:
    from pipeline.quantize import quantize
    from pipeline.report.quantized import show_result
    show_result(quantize(config, resume=options.resume, store=_store(options)), sys.stdout)
    return 0


def _dry_run(options: argparse.Namespace, config: QuantizationConfig) -> int:
    from pipeline.quantize.foreseen import foresee
    from pipeline.report.quantized import show_foreseen
    foreseen = foresee(config, _store(options))
    show_foreseen(foreseen, sys.stdout)
    return 0


def _compare(options: argparse.Namespace, config: QuantizationConfig) -> int:
    from pipeline.quantize import to_stderr
    from pipeline.quantize.several import compare_methods
    from pipeline.report.quantization import show, write
    if not options.texts:
        raise EdgeError("--compare: expected texts to compare on, found none; give --texts FILE, or wikitext or c4")
    if options.rounds < 0:
        raise EdgeError(f"--rounds: expected 0 or more, found {options.rounds}; give 200, or leave it out")
    tasks = {task: Path(file) if file else None for task, _, file in (named.partition("=") for named in options.tasks)}
    comparison = compare_methods(config, options.compare, options.texts, tasks, _store(options), to_stderr, options.rounds)
    show(comparison, sys.stdout)
    print(", ".join(map(str, write(comparison, options.reports))))
    return 0


def _store(options: argparse.Namespace) -> Any:
    from pipeline.store import Store
    from pipeline.store.place import default_remote
    return Store(options.store, default_remote() or None)
