"""``edge registry``: versions of models with their lineage; promoted behind the gate, rolled back in one command, compared, audited."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.cli.common import Subparsers, add_store

if TYPE_CHECKING:
    from pipeline.registry import Registry

NAME = "the model's name"
VERSION = "NAME@3 or NAME@champion"


def add(subparsers: Subparsers) -> None:
    parser = subparsers.add_parser("registry", help="versions of models: add, promote behind the gate, roll back, compare, audit")
    actions = parser.add_subparsers(dest="action", required=True)
    for name, run, argument, text in (
        ("add", _add, "name", "register a model of the store as a new version"),
        ("list", _list, "", "every model, with its champion and its challenger"),
        ("show", _show, "name", "the versions of a model, or one with its lineage and verdicts (NAME@3)"),
        ("promote", _promote, "version", "make a version the champion, if a run's record lets it through"),
        ("rollback", _rollback, "name", "give the champion's place back to the one before"),
        ("fetch", _fetch, "version", "copy a version's files into a new directory, each checked"),
        ("ab", _ab, "name", "champion against challenger: whom a user gets, or whether the outcomes say stop"),
        ("audit", _audit, "name", "who did what when"),
    ):
        action = actions.add_parser(name, help=text)
        if argument:
            action.add_argument("model", metavar="NAME" if argument == "name" else "NAME@VERSION",
                                help=NAME if argument == "name" else VERSION)
        action.add_argument("--registry-url", help="sqlite:///FILE, a database or an mlflow server [$EDGE_REGISTRY_URL or .edge/registry]")
        action.add_argument("--artifacts-url", help="the files and the audit, an fsspec URL [$EDGE_REGISTRY_ARTIFACTS or beside it]")
        action.set_defaults(run=run)
    _add_options(actions.choices)


def _add_options(actions: dict[str, argparse.ArgumentParser]) -> None:
    added, promoted, compared = actions["add"], actions["promote"], actions["ab"]
    added.add_argument("artifact", metavar="KEY_OR_DIR", help="the model")
    added.add_argument("--decision", metavar="KEY_OR_DIR", help="the decision made from the same model [the newest, if any]")
    added.add_argument("--record", type=Path, help="the record of a run that measured it, such as reports/results.json")
    add_store(added)
    promoted.add_argument("--record", type=Path, help="the record of a run that measured it [the one it was registered with]")
    promoted.add_argument("--thresholds", type=Path, help="the targets that the run must have been judged by [thresholds.yaml]")
    for action in (promoted, actions["rollback"]):
        action.add_argument("--alias", default="champion", help="[%(default)s]")
    for action in (added, promoted, actions["rollback"]):
        action.add_argument("--by", default=_user(), help="who does it, for the audit [%(default)s]")
    actions["fetch"].add_argument("out", type=Path, help="a directory that is new or empty")
    compared.add_argument("--outcomes", type=Path, metavar="FILE.jsonl", help='a line a user, oldest first: {"unit": "u1", "outcome": 1}')
    compared.add_argument("--unit", help="say which version this user or request gets")
    compared.add_argument("--share", type=float, default=0.5, help="of users who get the challenger [%(default)s]")
    compared.add_argument("--gain", type=float, default=0.0,
                          help="by how much the challenger must be better; below 0: by how much it may be worse [%(default)s]")
    compared.add_argument("--confidence", type=float, default=0.95, help="of either answer, one-sided, at every look [%(default)s]")
    compared.add_argument("--at-most", type=int, metavar="N", help="with N outcomes and nothing shown the champion stays [no end]")
    actions["audit"].add_argument("--verify", action="store_true", help="find entries edited, removed or moved, and changes by other means")


def _open(options: argparse.Namespace) -> Registry:
    from pipeline.registry import open_registry
    return open_registry(options.registry_url, options.artifacts_url, getattr(options, "thresholds", None))


def _user() -> str:
    import getpass
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a number that no user has, as in a container
        return "unknown"


def _add(options: argparse.Namespace) -> int:
    from pipeline.registry.adding import found_in
    from pipeline.report.registry import verdicts
    registry = _open(options)
    found = found_in(options.store, options.artifact, options.decision)
    made = registry.register(options.model, found.model, lineage=found.lineage, by=options.by, decision=found.decision,
                             record=options.record)
    with_it = "with its decision" if found.decision else "without a decision"
    print(f"{made}: {made.key[:12] or found.model}, {with_it}, {verdicts(made)}")
    return 0


def _list(options: argparse.Namespace) -> int:
    registry = _open(options)
    names = registry.models()
    for name in names:
        versions = registry.versions(name)
        aliases = [f"{alias} {one.version}" for one in versions for alias in one.aliases]
        print(f"{name:<24} {len(versions):>3} versions  {', '.join(sorted(aliases)) or 'none promoted'}")
    print(f"{len(names)} models")
    return 0


def _show(options: argparse.Namespace) -> int:
    from pipeline.registry.version import parse_reference
    from pipeline.report.registry import row, whole
    registry = _open(options)
    if "@" in options.model:
        print("\n".join(whole(registry.version(*parse_reference(options.model)))))
        return 0
    print("\n".join(map(row, registry.versions(options.model))))
    return 0


def _promote(options: argparse.Namespace) -> int:
    from pipeline.registry.version import parse_reference
    name, which = parse_reference(options.model)
    made = _open(options).promote(name, which, by=options.by, record=options.record, alias=options.alias)
    print(f"{made} is {options.alias}")
    return 0


def _rollback(options: argparse.Namespace) -> int:
    made = _open(options).rollback(options.model, by=options.by, alias=options.alias)
    print(f"{made} is {options.alias} again" if options.alias in made.aliases else f"{made} is {options.alias} no more")
    return 0


def _fetch(options: argparse.Namespace) -> int:
    from pipeline.registry.version import parse_reference
    found = _open(options).fetch(*parse_reference(options.model), options.out)
    print(f"{found} is in {options.out}")
    return 0


def _ab(options: argparse.Namespace) -> int:
    from pipeline.errors import EdgeError
    from pipeline.registry.split import ARMS, check_share, experiment_of, is_treated
    if (options.outcomes is None) == (options.unit is None):
        raise EdgeError("expected --outcomes FILE.jsonl, to look at a test, or --unit, to ask whom a user gets; give one of them")
    registry, share = _open(options), check_share(options.share)
    versions = [registry.version(options.model, arm).version for arm in ARMS]
    experiment = experiment_of(options.model, *versions)
    if options.unit is not None:
        treated = is_treated(experiment, options.unit, share)
        print(f"{ARMS[treated]} {options.model}@{versions[treated]}")
        return 0
    return _look(options, experiment, share, versions)


def _look(options: argparse.Namespace, experiment: str, share: float, versions: list[int]) -> int:
    from pipeline.errors import EdgeError
    from pipeline.registry.outcomes import decide, read_outcomes
    from pipeline.report.registry import compared
    if not 0.5 < options.confidence < 1 or not -1 < options.gain < 1 or (options.at_most is not None and options.at_most < 1):
        raise EdgeError("expected a --confidence between 0.5 and 1, a --gain between -1 and 1 and --at-most of 1 or more, found "
                        f"{options.confidence:g}, {options.gain:g} and {options.at_most}; correct them")
    outcomes = read_outcomes(options.outcomes, experiment, share)
    look = decide(outcomes, share, options.gain, options.confidence, options.at_most)
    print("\n".join(compared(look, versions, options.confidence)))
    return 0


def _audit(options: argparse.Namespace) -> int:
    from pipeline.report.registry import entry
    registry = _open(options)
    if options.verify:
        faults = registry.verify(options.model)
        print("\n".join(faults) or f"whole: {len(registry.audit(options.model))} entries, and the registry agrees")
        return int(bool(faults))
    print("\n".join(map(entry, registry.audit(options.model))))
    return 0
