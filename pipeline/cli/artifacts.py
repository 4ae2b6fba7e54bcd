"""``edge artifacts``: list, verify, explain, push, remove, prune."""

from __future__ import annotations

import argparse
from collections.abc import Callable

from pipeline.cli.common import Subparsers, add_store, size
from pipeline.store import DamagedError, Store
from pipeline.store.place import REMOTE_VARIABLE, default_remote

ALL = "all"
KEY = "a key's first 8 letters or more"


def add(subparsers: Subparsers) -> None:
    parser = subparsers.add_parser("artifacts", help="what the store holds")
    actions = parser.add_subparsers(dest="action", required=True)
    for name, run, argument, text in (
        ("list", _list, None, "every artifact, oldest first"),
        ("verify", _verify, "keys", "hash every file of one artifact, or of all"),
        ("explain", _explain, "key", "what went into an artifact's key"),
        ("push", _push, "keys", "copy one artifact, or all, to a shared store that lacks it"),
        ("remove", _remove, "key", "remove one artifact, damaged or not"),
        ("prune", _prune, "size", "remove the least recently used until at most SIZE is left"),
    ):
        action = actions.add_parser(name, help=text)
        if argument == "size":
            action.add_argument("size", type=size, help="such as 500MB or 2GB")
        elif argument == "key":
            action.add_argument("key", help=KEY)
        elif argument == "keys":
            action.add_argument("key", nargs="?", default=ALL, help=f"{KEY}, or {ALL} [%(default)s]")
        add_store(action)
        action.set_defaults(run=run)
    remote = default_remote()
    actions.choices["push"].add_argument(
        "--store-url", default=remote, required=not remote, help=f"shared store, an fsspec URL [${REMOTE_VARIABLE}]"
    )


def _list(options: argparse.Namespace) -> int:
    store = Store(options.store)
    artifacts = store.list()
    for artifact in artifacts:
        print(f"{artifact.key[:12]}  {artifact.kind:<12} {artifact.size / 1e6:>10.1f} MB  {artifact.manifest.get('started', '')}")
    print(f"{len(artifacts)} artifacts, {sum(artifact.size for artifact in artifacts) / 1e6:.1f} MB in {store.root}")
    return 0


def _verify(options: argparse.Namespace) -> int:
    store = Store(options.store)

    def verify(key: str) -> str:
        store.verify(key)
        return "whole"

    return _each(store, options.key, verify)


def _push(options: argparse.Namespace) -> int:
    store = Store(options.store, options.store_url)
    return _each(store, options.key, lambda key: "sent" if store.push(key) else "there already")


def _each(store: Store, wanted: str, act: Callable[[str], str]) -> int:
    """Act on one artifact or on all, a line each; 1 when any is damaged, which keeps nobody from the others."""
    keys = [artifact.key for artifact in store.list()] if wanted == ALL else [store.resolve(wanted)]
    damaged = 0
    for key in keys:
        try:
            outcome = act(key)
        except DamagedError as error:
            outcome, damaged = str(error), 1
        print(f"{key[:12]}  {outcome}")
    return damaged


def _explain(options: argparse.Namespace) -> int:
    print(Store(options.store).explain(options.key))
    return 0


def _remove(options: argparse.Namespace) -> int:
    Store(options.store).remove(options.key)
    return 0


def _prune(options: argparse.Namespace) -> int:
    removed = Store(options.store).prune(options.size)
    print(f"{len(removed)} artifacts removed")
    return 0
