"""``edge data``: generate the intents' or the assistant's data, validate any file of it, convert it, write the scenarios."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from pipeline.cli.common import Subparsers, add_columns, add_profile
from pipeline.errors import EdgeError

SPLITS = ("train", "validation", "test", "challenge")


def add(subparsers: Subparsers) -> None:
    parser = subparsers.add_parser("data", help="generate, validate and convert data")
    actions = parser.add_subparsers(dest="action", required=True)
    generate = actions.add_parser("generate", help="train, validation, test and challenge as .jsonl")
    generate.add_argument("of", nargs="?", choices=("intents", "assistant"), default="intents", help="whose data [%(default)s]")
    generate.add_argument("directory", type=Path)
    generate.add_argument("--profile", default="", help="whose sizes [the intents' of reference; the assistant's documented ones]")
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
    for split, path in (_assistant if options.of == "assistant" else _intents)(options).items():
        print(f"{split:<12} {path}")
    return 0


def _intents(options: argparse.Namespace) -> dict[str, Path]:
    from pipeline.data.generate import generate
    from pipeline.profile import load_profile
    sizes = load_profile(options.profile or "reference").data.model_dump(include={"seed", *SPLITS})
    return generate(options.directory, **sizes)


def _assistant(options: argparse.Namespace) -> dict[str, Path]:
    from pipeline.data.assistant.generate import generate
    from pipeline.profile import Assistant, load_profile
    assistant = (load_profile(options.profile).assistant if options.profile else None) or Assistant()
    return generate(options.directory, **assistant.model_dump(include={"seed", *SPLITS}))


def _validate(options: argparse.Namespace) -> int:
    from pipeline.data.assistant.validate import validate_samples
    from pipeline.data.validate import validate
    from pipeline.profile import parse_columns
    files = _by_name(options.files)
    report = validate_samples(files) if not options.columns and _of_assistant(files) else validate(files, parse_columns(options.columns))
    print(report)
    return int(bool(report.findings))


def _of_assistant(files: Mapping[str, Path]) -> bool:
    """Whether the files' first rows are the assistant's samples; a file that cannot be read goes with the others."""
    from pipeline.data.jsonl import field_names
    told: dict[bool, Path] = {}
    for path in files.values():
        with suppress(EdgeError):
            if names := field_names(path):
                told[{"input", "task_type"} <= names] = path
    if len(told) > 1:
        raise EdgeError(f"expected files of one form, found the assistant's samples in {told[True]} and others in {told[False]}; "
                        "validate them one by one")
    return True in told


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
