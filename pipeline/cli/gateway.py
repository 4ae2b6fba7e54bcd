"""``edge gateway``: one OpenAI-compatible server in front of the device and a cloud."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.cli.common import Subparsers, add_store, directory_of

if TYPE_CHECKING:
    from pipeline.edge.gateway.learning import Learning

MODES = ("combined", "rules", "model")
WITHOUT_CLOUD = 30.0  # s that an answer may take beside the cloud's


def add(subparsers: Subparsers) -> None:
    parser = subparsers.add_parser("gateway", help="answer on the device or forward to a cloud, behind OpenAI's API, with a page to try it")
    parser.add_argument("--edge", required=True, metavar="URL", help="the device's models: the URL that `edge serve` prints")
    parser.add_argument("--decision", required=True, metavar="KEY_OR_DIR", help="the decision artifact that goes with them")
    parser.add_argument("--cloud", default="", metavar="URL",
                        help="base URL of any OpenAI-compatible cloud for edge-cloud [none: what it is asked stays here]")
    parser.add_argument("--cloud-model", default="", metavar="NAME", help="the model to ask for there")
    parser.add_argument("--cloud-limits", type=Path, metavar="FILE", help="timeouts, retries, breaker [pipeline/edge/gateway/cloud.yaml]")
    parser.add_argument("--assistant", type=Path, metavar="WORKSPACE",
                        help="serve the learning assistant of a workspace as well; its cloud is its settings' cloud.url, never --cloud")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on [%(default)s]; another than this machine's needs a key")
    parser.add_argument("--port", type=int, default=8080, help="0 takes a free one [%(default)s]")
    parser.add_argument("--mode", choices=MODES, default="combined", help="what routes: rules, the model, or both [%(default)s]")
    for name, default, whose in (("edge", "EDGE_API_KEY", "of `edge serve`"), ("cloud", "EDGE_CLOUD_API_KEY", "of the cloud"),
                                 ("", "EDGE_GATEWAY_KEY", "that clients must send")):
        parser.add_argument("-".join(filter(None, ("-", name, "key-variable"))), default=default, metavar="NAME",
                            help=f"environment variable with the key {whose} [%(default)s]")
    add_store(parser)
    parser.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    from pipeline.edge import door
    from pipeline.edge.gateway.app import application
    from pipeline.edge.gateway.cloud import Cloud
    from pipeline.edge.gateway.device import ServedDevice
    from pipeline.edge.gateway.flow import Flow
    from pipeline.edge.gateway.limits import DEFAULT, read_limits
    from pipeline.edge.listen import check_key, key_of, listen, names_of
    from pipeline.runtime.decision import read_rule
    device = ServedDevice(options.edge, read_rule(directory_of(options.decision, options.store)), key_of(options.edge_key_variable))
    limits, taken = read_limits(options.cloud_limits or DEFAULT), door.read_limits()
    cloud = Cloud(options.cloud, options.cloud_model, key_of(options.cloud_key_variable), limits) if options.cloud else None
    key = key_of(options.key_variable)
    check_key(options.host, key, options.key_variable)
    with _learning(options.assistant) as learning:
        app = application(Flow(device, cloud, options.mode), key, names_of(options.host), taken, learning)
        listen(app, options.host, options.port, key, options.key_variable, limits.total + limits.silence + WITHOUT_CLOUD, taken)
    return 0


@contextmanager
def _learning(folder: Path | None) -> Iterator[Learning | None]:
    if folder is None:
        yield None
        return
    from pipeline.edge.assistant.opened import open_assistant
    from pipeline.edge.assistant.workspace import Workspace
    from pipeline.edge.gateway.learning import Learning
    workspace = Workspace.open(folder)
    with open_assistant(workspace) as assistant:
        yield Learning(assistant, workspace)
