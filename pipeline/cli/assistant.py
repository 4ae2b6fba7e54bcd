"""``edge assistant``: the learning assistant in a terminal."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.cli.common import Subparsers, add_store, directory_of

if TYPE_CHECKING:
    from pipeline.edge.assistant.library.importing import Imported
    from pipeline.edge.assistant.library.index import Index
    from pipeline.edge.assistant.workspace import Workspace


def add(subparsers: Subparsers) -> None:
    parser = subparsers.add_parser("assistant", help="talk with the learning assistant, import course files, rate its answers")
    parser.add_argument("--workspace", type=Path, default=Path("."), metavar="DIR", help="what `edge init` made [this folder]")
    parser.set_defaults(run=_talk)
    actions = parser.add_subparsers(dest="action")

    def action(name: str, run: object, help_: str) -> argparse.ArgumentParser:
        added = actions.add_parser(name, help=help_)
        added.add_argument("--workspace", type=Path, default=argparse.SUPPRESS, metavar="DIR", help=argparse.SUPPRESS)
        added.set_defaults(run=run)
        return added

    deploy = action("deploy", _deploy, "put a model into the workspace")
    deploy.add_argument("--model", required=True, metavar="KEY_OR_DIR", help="the classifier of the four tasks")
    deploy.add_argument("--decision", required=True, metavar="KEY_OR_DIR", help="the decision that goes with it")
    deploy.add_argument("--generator", metavar="KEY_OR_DIR", help="a model that words the answers of the cards [none: templates do]")
    add_store(deploy)
    ask = action("ask", _ask, "one question, one answer")
    ask.add_argument("question")
    ask.add_argument("--local-only", action="store_true", help="nothing leaves this machine")
    ask.add_argument("--json", action="store_true", help="everything that is told of the answer, as JSON")
    action("import", _import, "index a folder of course files").add_argument("folder", type=Path)
    action("watch", _watch, "keep the index up to date while files change").add_argument(
        "folder", type=Path, nargs="?", help="[the one that was imported]")
    rate = action("rate", _rate, "rate an answer, after asking whether that may be kept")
    rate.add_argument("--stars", type=int, metavar="1-5")
    rate.add_argument("--satisfied", action=argparse.BooleanOptionalAction, help="in place of stars")
    rate.add_argument("--task", default=None, help="the task that is rated")
    rate.add_argument("--agree", action="store_true", help="agree that ratings are kept on this machine")
    action("withdraw", _withdraw, "take back the consent to keep ratings")
    action("ratings", _ratings, "how many were satisfied, with the interval")


def _talk(options: argparse.Namespace) -> int:
    from pipeline.edge.assistant.terminal import talk
    return talk(_workspace(options))


def _ask(options: argparse.Namespace) -> int:
    from pipeline.edge.assistant.terminal import ask
    return ask(_workspace(options), options.question, options.local_only, options.json)


def _deploy(options: argparse.Namespace) -> int:
    from pipeline.edge.assistant.deploying import deploy
    from pipeline.edge.assistant.shown import shown
    workspace = _workspace(options)
    parts = [directory_of(part, options.store) for part in (options.model, options.decision, options.generator) if part]
    deploy(workspace, *parts)
    print(shown(f"{workspace.root / 'deployed'}: {', '.join(sorted(path.name for path in (workspace.root / 'deployed').iterdir()))}"))
    return 0


def _import(options: argparse.Namespace) -> int:
    from pipeline.edge.assistant.library.importing import import_folder, open_library
    from pipeline.edge.assistant.shown import note
    with open_library(_workspace(options).index, note) as index:
        _tell(import_folder(index, options.folder))
    return 0


def _watch(options: argparse.Namespace) -> int:
    from pipeline.edge.assistant.library.importing import open_library
    from pipeline.edge.assistant.library.watch import watch
    from pipeline.edge.assistant.shown import note
    with open_library(_workspace(options).index, note) as index:
        for imported in watch(index, options.folder or _imported(index)):
            _tell(imported)
    return 0


def _imported(index: Index) -> Path:
    """The folder that was imported, where there is but one."""
    from pipeline.errors import EdgeError
    roots = [root for root, in index.read("SELECT DISTINCT root FROM resources")]
    if len(roots) != 1:
        raise EdgeError(f"expected a folder to watch, found {len(roots)} that were imported; name one")
    return Path(roots[0])


def _tell(imported: Imported) -> None:
    from pipeline.edge.assistant.shown import shown
    print(f"{imported.added} added, {imported.changed} changed, {imported.unchanged} unchanged, {imported.removed} removed, "
          f"{len(imported.skipped)} skipped", flush=True)
    for line in (*imported.skipped, *imported.left_out):
        print(f"  {shown(line, kept='')}", flush=True)


def _rate(options: argparse.Namespace) -> int:
    from pipeline.edge.assistant.rating_form import rate
    return rate(_workspace(options).ratings, options.task, options.stars, options.satisfied, options.agree)


def _withdraw(options: argparse.Namespace) -> int:
    from pipeline.edge.assistant.rating_form import withdraw
    return withdraw(_workspace(options).ratings)


def _ratings(options: argparse.Namespace) -> int:
    from pipeline.edge.assistant.rating_form import show
    return show(_workspace(options).ratings)


def _workspace(options: argparse.Namespace) -> Workspace:
    from pipeline.edge.assistant.workspace import Workspace
    return Workspace.open(options.workspace)
