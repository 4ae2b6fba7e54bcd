"""The torch backend computes on the threads that it is told, and leaves the process its own: what is trained there next has them all."""

from __future__ import annotations

import torch

from pipeline.runtime import load
from tests.export.tiny_qwen3 import build


def test_threads_are_the_backends_for_a_decision_only(tmp_path, monkeypatch):
    model, before, seen = build(tmp_path / "model"), torch.get_num_threads(), []
    torch.set_num_threads(2)
    try:
        runtime = load(model, [0, 1], threads=1)
        forward = runtime._model.forward

        def noted(*args, **more):
            seen.append(torch.get_num_threads())
            return forward(*args, **more)

        monkeypatch.setattr(runtime._model, "forward", noted)
        runtime.logits([1, 2, 3])
        assert (seen, torch.get_num_threads(), runtime.threads) == ([1], 2, 1)
    finally:
        torch.set_num_threads(before)
