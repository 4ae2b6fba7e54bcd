"""Where a model's time and bytes go, operator by operator, and what that says to do: `profile_operators`, `bottlenecks`."""

from __future__ import annotations

import os
from pathlib import Path

from pipeline.errors import EdgeError
from pipeline.profiling.operators import Operator, OperatorProfile

ROUNDS, WARMUP, TOKENS, TIMEOUT = 30, 5, 32, 600.0
MOST = 10_000  # rounds, and tokens


def profile_operators(model: Path, *, threads: int = 1, tokens: int = TOKENS, rounds: int = ROUNDS, warmup: int = WARMUP,
                      timeout: float = TIMEOUT, name: str = "") -> OperatorProfile:
    """Time and bytes of each operator of an artifact's directory or an .onnx file, in a process of its own, alone on the machine.

    tokens: the length of the prompt, with the beginning that a model holds already.  Seconds are medians over ``rounds`` runs after
    ``warmup``.  EdgeError for a model that cannot be opened or profiled, or that takes longer than ``timeout`` s.
    """
    from pipeline.measure.attempts import undisturbed
    from pipeline.measure.child import Child
    from pipeline.measure.host import describe_host
    from pipeline.profiling.take import backend_for
    if not (0 < threads < MOST and 0 < tokens < MOST and 1 < rounds < MOST and 0 < warmup < MOST):
        raise EdgeError(f"expected threads, tokens and warm-up of at least 1, 2 rounds, and each below {MOST}, found {threads}, {tokens}, "
                        f"{warmup} and {rounds}; correct them")
    backend_for(model)

    def measure() -> dict[str, object]:
        with Child(name or model.name, threads, timeout) as child:
            return child.ask("profile", model=str(model.resolve()), threads=threads, tokens=tokens, rounds=rounds, warmup=warmup)

    told, seen = undisturbed("timing", measure)
    return OperatorProfile.model_validate({**told, "model": name or model.name, "cores": os.cpu_count() or 1, "tokens": tokens,
                                           "host_class": describe_host()["host_class"], "invalid": seen.broken})


__all__ = ["Operator", "OperatorProfile", "profile_operators"]
