"""``edge data``: generate the intent data, validate any file of it, convert it into a trainer's format, write the scenarios."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from pipeline.cli.common import Subparsers, add_columns, add_profile
from pipeline.errors import EdgeError


def add(subparsers: Subparsers) -> None:
    parser = subparsers.add_parser("data", help="generate, validate and convert data")
    actions = parser.add_subparsers(dest="action", required=True)
    generate = actions.add_parser("generate", help="train, validation, test and challenge as .jsonl")
    generate.add_argument("directory", type=Path)
    add_profile(generate)
    generate.set_defaults(run=_generate)
    validate = actions.add_parser("validate", help="schema, balance, duplicates, and leaks between the files given")
    validate.add_argument("files", type=Path, nargs="+", metavar="FILE")
    add_columns(validate)
    validate.set_defaults(run=_validate)
    convert = actions.add_parser("convert", help="into another format and back, without a loss; exit code 1 where a row was dropped")
    convert.add_argument("source", type=Path)
    convert.add_argument("target", type=Path)
    convert.add_argument("--to", required=True, metavar="FORMAT", help="records, functions, messages (ms-swift), alpaca or chat (mlx-lm)")
    convert.add_argument("--from", dest="of", default="", metavar="FORMAT", help="the source's format [told by its first row]")
    add_profile(convert)
    add_columns(convert)
    convert.set_defaults(run=_convert)
    scenarios = actions.add_parser("scenarios", help="the multi-turn scenarios as .jsonl")
    scenarios.add_argument("file", type=Path)
    scenarios.set_defaults(run=_scenarios)


def _generate(options: argparse.Namespace) -> int:
    from pipeline.data.generate import generate
    from pipeline.profile import load_profile
    sizes = load_profile(options.profile).data.model_dump(include={"seed", "train", "validation", "test", "challenge"})
    for split, path in generate(options.directory, **sizes).items():
        print(f"{split:<12} {path}")
    return 0


def _validate(options: argparse.Namespace) -> int:
    from pipeline.data.validate import validate
    from pipeline.profile import parse_columns
    report = validate(_by_name(options.files), parse_columns(options.columns))
    print(report)
    return int(bool(report.findings))


def _convert(options: argparse.Namespace) -> int:
    from pipeline.data.convert import convert
    from pipeline.profile import load_profile, parse_columns
    system = load_profile(options.profile).prompt.system
    report = convert(options.source, options.target, options.to, options.of, system=system, columns=parse_columns(options.columns))
    print(report)
    return int(bool(report.dropped))


def _scenarios(options: argparse.Namespace) -> int:
    from pipeline.data.scenarios import write_scenarios
    from pipeline.data.scenarios_generate import generate_scenarios
    scenarios = generate_scenarios()
    write_scenarios(options.file, scenarios)
    print(f"{len(scenarios)} scenarios, {sum(len(scenario.turns) for scenario in scenarios)} turns in {options.file}")
    return 0


def _by_name(files: Sequence[Path]) -> dict[str, Path]:
    """Files by the name that says what each is for."""
    named: dict[str, Path] = {}
    for path in files:
        if (other := named.setdefault(path.stem, path)) is not path:
            raise EdgeError(f"expected files of different names, for a name says what a file is for, found {other} and {path}; "
                            "rename one or validate them one by one")
    return named
