"""``edge artifacts``: list, verify, explain, remove, prune."""

from __future__ import annotations

import argparse

from pipeline.cli.common import Subparsers, add_store, open_store, size


def add(subparsers: Subparsers) -> None:
    parser = subparsers.add_parser("artifacts", help="what the store holds")
    actions = parser.add_subparsers(dest="action", required=True)
    for name, run, argument, text in (
        ("list", _list, None, "every artifact, oldest first"),
        ("verify", _verify, "key?", "hash every file of one artifact, or of all"),
        ("explain", _explain, "key", "what went into an artifact's key"),
        ("remove", _remove, "key", "remove one artifact, damaged or not"),
        ("prune", _prune, "size", "remove the least recently used until at most SIZE is left"),
    ):
        action = actions.add_parser(name, help=text)
        if argument == "size":
            action.add_argument("size", type=size, help="such as 500MB or 2GB")
        elif argument:
            action.add_argument("key", nargs="?" if argument.endswith("?") else None, help="a key's first 8 letters or more")
        add_store(action)
        action.set_defaults(run=run)


def _list(options: argparse.Namespace) -> int:
    artifacts = open_store(options).list()
    for artifact in artifacts:
        print(f"{artifact.key[:12]}  {artifact.kind:<12} {artifact.size / 1e6:>10.1f} MB  {artifact.manifest.get('started', '')}")
    print(f"{len(artifacts)} artifacts, {sum(artifact.size for artifact in artifacts) / 1e6:.1f} MB")
    return 0


def _verify(options: argparse.Namespace) -> int:
    store = open_store(options)
    for key in [options.key] if options.key else [artifact.key for artifact in store.list()]:
        store.verify(key)
        print(f"{key[:12]}  whole")
    return 0


def _explain(options: argparse.Namespace) -> int:
    print(open_store(options).explain(options.key))
    return 0


def _remove(options: argparse.Namespace) -> int:
    open_store(options).remove(options.key)
    return 0


def _prune(options: argparse.Namespace) -> int:
    removed = open_store(options).prune(options.size)
    print(f"{len(removed)} artifacts removed")
    return 0
