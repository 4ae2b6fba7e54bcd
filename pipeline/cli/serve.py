"""``edge serve``: the device's models behind OpenAI's API."""

from __future__ import annotations

import argparse
from pathlib import Path

from pipeline.cli.common import Subparsers, add_store


def add(subparsers: Subparsers) -> None:
    parser = subparsers.add_parser("serve", help="answer OpenAI's chat completions with the device's models: intent and functions")
    parser.add_argument("--model", metavar="KEY_OR_DIR",
                        help="the classifier, or a registered one as NAME@champion [the newest onnx-int8 of the store]")
    parser.add_argument("--decision", metavar="KEY_OR_DIR", help="the decision made from the same model [the newest]")
    parser.add_argument("--functions", metavar="KEY_OR_DIR", help="the generator of the same base [the newest functions-int8, if any]")
    parser.add_argument("--embedding", metavar="KEY_OR_DIR",
                        help="an embedding that `edge compress --task embedding` made; served alone unless --model is given")
    parser.add_argument("--embedding-rule", metavar="KEY_OR_DIR", help="what goes with it [the newest of the same weights]")
    parser.add_argument("--reranker", metavar="KEY_OR_DIR", help="a reranker; served likewise")
    parser.add_argument("--reranker-decision", metavar="KEY_OR_DIR", help="what goes with it [the newest of the same weights]")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on [%(default)s]; one that others reach needs a key")
    parser.add_argument("--port", type=int, default=8000, help="0 takes a free one [%(default)s]")
    parser.add_argument("--threads", type=int, default=1, help="of one model run [%(default)s]")
    parser.add_argument("--queue", type=int, default=64, help="requests that may wait for a model [%(default)s]")
    parser.add_argument("--deadline", type=float, default=30, help="s for one request [%(default)s]")
    parser.add_argument("--api-key-variable", default="EDGE_API_KEY", metavar="NAME",
                        help="environment variable with the key that clients must send [%(default)s]")
    parser.add_argument("--decisions", type=Path, metavar="FILE",
                        help="append a line for each decision, without the query, for `edge monitor`; 20 MB at most, FILE.1 included")
    parser.add_argument("--drift", type=Path, metavar="MODEL.json", help="show in /metrics what `edge monitor --finding` last wrote there")
    add_store(parser)
    parser.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    import os

    from pipeline.edge.door import read_limits
    from pipeline.edge.listen import check_key, key_of, listen, names_of
    from pipeline.edge.server.app import Service, application
    from pipeline.edge.server.chosen import choose, choose_pair
    from pipeline.edge.server.decisions import Decisions
    from pipeline.edge.server.opened import open_engines, open_retrieval
    from pipeline.store import Store
    key, limits = key_of(options.api_key_variable), read_limits()
    check_key(options.host, key, options.api_key_variable)
    _check(options)
    store = Store(options.store)
    engines = open_retrieval(choose_pair(store, options.embedding, options.embedding_rule, "embedding-rule"),
                             choose_pair(store, options.reranker, options.reranker_decision, "reranker-decision"), options.threads)
    if options.model or not engines:
        engines |= open_engines(choose(store, *_registered(options), options.functions), options.threads)
    workers = max(1, (os.cpu_count() or 1) // options.threads)
    decisions = Decisions(options.decisions) if options.decisions else None
    service = Service(engines, workers, options.queue, options.deadline, limits, decisions, options.drift)
    app = application(service, key, names_of(options.host))
    listen(app, options.host, options.port, key, options.api_key_variable, answer=options.deadline, limits=limits)
    return 0


def _registered(options: argparse.Namespace) -> tuple[str | None, str | None]:
    """--model and --decision, or the directories of the version that the registry gives for NAME@champion."""
    from pathlib import Path
    if "@" not in (options.model or "") or Path(options.model).is_dir():
        return options.model, options.decision
    from pipeline.registry import open_registry
    from pipeline.registry.serving import to_serve
    from pipeline.registry.version import parse_reference
    model, decision = to_serve(open_registry(), *parse_reference(options.model), options.store.parent / "served")
    return str(model), options.decision or (str(decision) if decision else None)


def _check(options: argparse.Namespace) -> None:
    from pipeline.errors import EdgeError
    if options.threads < 1 or options.queue < 1 or not 0 < options.deadline < 3600:
        raise EdgeError("expected --threads and --queue of at least 1 and a --deadline above 0 and below 3600 s, found "
                        f"{options.threads}, {options.queue} and {options.deadline:g}; correct them")
