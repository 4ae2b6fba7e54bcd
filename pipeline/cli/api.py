"""``edge api``: the service around compression, its workers and its tokens."""

from __future__ import annotations

import argparse
import os
from typing import TYPE_CHECKING

from pipeline.cli.common import Subparsers

if TYPE_CHECKING:
    from pipeline.service.settings import Settings


def add(subparsers: Subparsers) -> None:
    parser = subparsers.add_parser("api", help="compression as a service: jobs over HTTP, built by worker processes",
                                   description="Settings stand in environment variables: docs/service.md.")
    parser.add_argument("--host", help="address to listen on [$EDGE_API_HOST or 127.0.0.1]; one that others reach needs a token")
    parser.add_argument("--port", type=int, help="0 takes a free one [$EDGE_API_PORT or 8080]")
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--worker", action="store_true", help="a worker alone, such as on another machine with that database and store")
    which.add_argument("--no-worker", action="store_true", help="the server alone")
    parser.set_defaults(run=_run)
    _add_token(parser.add_subparsers(dest="what", metavar="token"))


def _add_token(subparsers: Subparsers) -> None:
    token = subparsers.add_parser("token", help="who may do what: add, list, remove").add_subparsers(dest="action", required=True)
    added = token.add_parser("add", help="make a token; it is shown once")
    added.add_argument("name")
    added.add_argument("--scope", action="append", required=True, metavar="SCOPE", help="read, submit or deploy; once for each")
    added.set_defaults(run=_add)
    token.add_parser("list", help="names, scopes and when they were made").set_defaults(run=_list)
    removed = token.add_parser("remove", help="refused from its next request on")
    removed.add_argument("name")
    removed.set_defaults(run=_remove)


def _run(options: argparse.Namespace) -> int:
    settings = _settings(options)
    if options.worker:
        from pipeline.service.worker import work
        work(settings)
        return 0
    from pipeline.service.serve import serve
    serve(settings, alone=options.no_worker)
    return 0


def _add(options: argparse.Namespace) -> int:
    from pipeline.service.tokens import Tokens
    print(Tokens(_settings(options).token_file).add(options.name, options.scope))
    return 0


def _list(options: argparse.Namespace) -> int:
    from pipeline.service.tokens import Tokens
    for name, entry in Tokens(_settings(options).token_file).list().items():
        print(f"{name:<24} {','.join(map(str, entry['scopes'])):<22} {entry['added']}")  # type: ignore[call-overload]
    return 0


def _remove(options: argparse.Namespace) -> int:
    from pipeline.service.tokens import Tokens
    Tokens(_settings(options).token_file).remove(options.name)
    return 0


def _settings(options: argparse.Namespace) -> Settings:
    from pipeline.service.settings import read_settings
    return read_settings(os.environ, host=options.host, port=options.port)
