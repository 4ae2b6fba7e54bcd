"""``python -m pipeline.measure.worker``: the process in which a measured model runs.

One JSON request a line on stdin, one JSON answer a line on stdout.  A request that fails is answered with
``{"error": "one line"}`` and ends the process.  Requests (``do``) and their answers:

========  ==============================  =====================================================================
open      model, decision, threads,       backend, provider, threads, marks {main, imported, opened} (clock ns)
          backend (default: its own); or
          workspace, of an assistant,
          and deciding
decide    queries, at_once (default 1)    intents, confidences, routes, logits, marks {decided}
cards     queries, of a workspace         replies: one a query, of the card file alone: text, facts, found, phrased
time      queries                         milliseconds: one a query, text -> tokens -> logits -> decision
memory                                    the figures of `pipeline.measure.resident.resident`
tokens    queries                         tokens: length of the whole prompt, one a query
placement queries                         placement: where the runtime says that the work runs, null where it does not tell
modules                                   names of all imported modules
profile   model, threads, tokens,         the operators of a model, `pipeline.profiling.take.take`; needs no `open`
          rounds, warmup
serve                                     {"serving": true}; from then on each line in is one query as a JSON
                                          string and each line out is the documented JSON of its decision
========  ==============================  =====================================================================
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any, TextIO

MAIN = time.perf_counter_ns()  # a clock of the whole system, so that the parent can subtract


class Session:
    """The model of one worker; a method a request."""

    def __init__(self) -> None:
        self.classifier: Any = None

    def open(self, request: dict[str, Any]) -> dict[str, Any]:
        from pathlib import Path

        if workspace := request.get("workspace"):
            from pipeline.measure.whole_assistant import WholeAssistant

            imported = time.perf_counter_ns()
            self.classifier = WholeAssistant(Path(workspace), bool(request.get("deciding")))
        else:
            from pipeline.edge.classifier import Classifier

            imported = time.perf_counter_ns()
            self.classifier = Classifier.open(Path(request["model"]), Path(request["decision"]), int(request["threads"]),
                                              request.get("backend", ""))
        opened = time.perf_counter_ns()
        runtime = self.classifier.runtime
        return {
            "backend": runtime.backend,
            "provider": runtime.provider,
            "threads": int(getattr(runtime, "threads", request["threads"])),
            "marks": {"main": MAIN, "imported": imported, "opened": opened},
        }

    def decide(self, request: dict[str, Any]) -> dict[str, Any]:
        from concurrent.futures import ThreadPoolExecutor

        with ThreadPoolExecutor(request.get("at_once", 1)) as pool:
            found = list(pool.map(self.classifier.decide, request["queries"]))
        decided = time.perf_counter_ns()
        return {
            "intents": [one.intent for one in found],
            "confidences": [one.confidence for one in found],
            "routes": [one.route for one in found],
            "logits": [list(one.logits) for one in found],
            "marks": {"decided": decided},
        }

    def cards(self, request: dict[str, Any]) -> dict[str, Any]:
        from dataclasses import asdict

        return {"replies": [asdict(self.classifier.card(query)) for query in request["queries"]]}

    def time(self, request: dict[str, Any]) -> dict[str, Any]:
        decide, clock, took = self.classifier.decide, time.perf_counter_ns, []
        for query in request["queries"]:
            start = clock()
            decide(query)
            took.append((clock() - start) / 1e6)
        return {"milliseconds": took}

    def memory(self, request: dict[str, Any]) -> dict[str, Any]:
        from pipeline.measure.resident import resident

        return dict(resident())

    def modules(self, request: dict[str, Any]) -> dict[str, Any]:
        return {"modules": sorted(sys.modules)}

    def placement(self, request: dict[str, Any]) -> dict[str, Any]:
        tell = getattr(self.classifier.runtime, "placement", None)
        return {"placement": tell and tell([self.classifier.encode(query).ids for query in request["queries"]])}

    def tokens(self, request: dict[str, Any]) -> dict[str, Any]:
        return {"tokens": [len(self.classifier.encode(query).ids) for query in request["queries"]]}

    def profile(self, request: dict[str, Any]) -> dict[str, Any]:
        from pathlib import Path

        from pipeline.profiling.take import take
        return take(Path(request["model"]), *(int(request[name]) for name in ("threads", "tokens", "rounds", "warmup")))


def requests(lines: Iterator[str], session: Session, say: Callable[[dict[str, Any]], None]) -> None:
    """Answers requests until the input ends or asks to serve; from then on every line is a query."""
    known = {"open", "decide", "cards", "time", "memory", "placement", "tokens", "modules", "profile"}
    for line in lines:
        request = json.loads(line)
        if request["do"] == "serve":
            say({"serving": True})
            break
        if request["do"] not in known:
            raise ValueError(f"expected a request among {sorted(known)} or serve, found {request['do']!r}")
        say(getattr(session, request["do"])(request))
    for line in lines:
        say(session.classifier.decide(json.loads(line)).to_json())


def private_stdout() -> TextIO:
    """The real stdout for answers alone; whatever a library prints goes to stderr from now on."""
    answers = os.fdopen(os.dup(1), "w", encoding="ascii")
    os.dup2(2, 1)
    return answers


def main() -> int:
    answers = private_stdout()

    def say(answer: dict[str, Any]) -> None:
        answers.write(json.dumps(answer) + "\n")
        answers.flush()

    lines = iter(os.fdopen(os.dup(0), encoding="utf-8").readline, "")
    try:
        requests(lines, Session(), say)
    except BrokenPipeError:
        return 1
    except Exception as error:
        from pipeline.errors import EdgeError

        known = isinstance(error, EdgeError)
        say({"error": " ".join((str(error) if known else f"{type(error).__name__}: {error}").split())})
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
