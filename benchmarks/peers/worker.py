"""``python -m benchmarks.peers.worker``: the process of one peer, of which nothing heavy is imported before its time is taken.

One JSON request a line on stdin, one JSON answer a line on stdout, as of `pipeline.measure.worker`.  An environment of a peer's own needs
numpy and what the peer imports, nothing else of this project's.  Requests and answers:

=======  ===========================================  ==============================================================
probe    libraries                                    versions, and missing: those that are not installed
prepare  peer, variant, model, out, scratch           {}
open     peer, variant, model, path, threads          seconds: libraries imported, weights read, ready to run
run      prompts (token ids), warm                    milliseconds and logits, one a prompt; the first ``warm`` run twice
memory                                                the figures of `pipeline.measure.resident.resident`
rates    threads, megabytes (of the weights)          what the machine can do: `benchmarks.peers.rates`
=======  ===========================================  ==============================================================
"""

from __future__ import annotations

import json
import os
import sys
import time
from importlib import metadata
from pathlib import Path
from typing import Any

from benchmarks.peers import Model, peer
from pipeline.errors import EdgeError
from pipeline.measure.worker import private_stdout


class Requests:
    def __init__(self) -> None:
        self.session: Any = None

    def probe(self, libraries: list[str]) -> dict[str, Any]:
        versions, missing = {}, []
        for name in libraries:
            try:
                versions[name] = metadata.version(name)
            except metadata.PackageNotFoundError:
                missing.append(name)
        return {"versions": versions, "missing": missing}

    def prepare(self, peer_: str, variant: str, model: dict[str, Any], out: str, scratch: str) -> dict[str, Any]:
        peer(peer_).prepare(Path(out), Path(scratch), _model(model), variant)
        return {}

    def open(self, peer_: str, variant: str, model: dict[str, Any], path: str, threads: int) -> dict[str, Any]:
        started = time.perf_counter()
        self.session = peer(peer_).Session.open(Path(path), _model(model), threads, variant)
        return {"seconds": time.perf_counter() - started}

    def run(self, prompts: list[list[int]], warm: int) -> dict[str, Any]:
        for ids in prompts[:warm]:
            self.session.run(ids)
        took, logits = [], []
        for ids in prompts:
            started = time.perf_counter_ns()
            logits.append(self.session.run(ids).tolist())
            took.append((time.perf_counter_ns() - started) / 1e6)
        return {"milliseconds": took, "logits": logits}

    def memory(self) -> dict[str, Any]:
        from pipeline.measure.resident import resident

        return dict(resident())

    def rates(self, threads: int, megabytes: list[float]) -> dict[str, Any]:
        from benchmarks.peers.rates import measure

        return measure(threads, megabytes)


def _model(fields: dict[str, Any]) -> Model:
    return Model(Path(fields["directory"]), Path(fields["onnx"]), fields["label_ids"], fields["max_length"])


def main() -> int:
    answers = private_stdout()
    requests = Requests()

    def say(answer: dict[str, Any]) -> None:
        answers.write(json.dumps(answer) + "\n")
        answers.flush()

    try:
        for line in iter(os.fdopen(os.dup(0), encoding="utf-8").readline, ""):
            request = json.loads(line)
            say(getattr(requests, request.pop("do"))(**request))
    except BrokenPipeError:
        return 1
    except Exception as error:  # every library has its own kinds
        text = str(error) if isinstance(error, EdgeError) else f"{type(error).__name__}: {error}"
        say({"error": " ".join(text.split())[:400]})
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
