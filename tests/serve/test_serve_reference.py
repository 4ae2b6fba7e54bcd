"""`python -m swift.cli.deploy` of the merged model and `edge serve` of what was made from it decide alike.

Half a minute, most of it ms-swift's start; run it with ``-m slow``.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator

import httpx
import pytest

from pipeline.data.records import read_records
from pipeline.edge.endpoint import Endpoint
from pipeline.runtime.decision import read_rule
from tests.serve.conftest import running, until

pytestmark = pytest.mark.slow
OFFLINE = {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1", "CUDA_VISIBLE_DEVICES": "",
           "TOKENIZERS_PARALLELISM": "false", "OMP_NUM_THREADS": "1"}


@pytest.fixture(scope="module")
def reference(merged, tmp_path_factory) -> Iterator[str]:
    """The base URL of ms-swift's own server, with the model under the name `intent`."""
    folder = tmp_path_factory.mktemp("swift")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    argv = [sys.executable, "-m", "swift.cli.deploy", "--model", str(merged.path), "--model_type", "qwen3", "--template", "qwen3",
            "--infer_backend", "transformers", "--host", "127.0.0.1", "--port", str(port), "--served_model_name", "intent",
            "--torch_dtype", "float32"]
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(argv, cwd=folder, env={**os.environ, **OFFLINE, "MODELSCOPE_CACHE": str(folder)}, stdout=log, stderr=log)

    def ready() -> bool:
        assert process.poll() is None, (folder / "log").read_text()[-2000:]
        try:
            return httpx.get(f"http://127.0.0.1:{port}/health", trust_env=False).status_code == 200
        except httpx.TransportError:
            return False

    try:
        until(ready)
        yield f"http://127.0.0.1:{port}/v1"
    finally:
        process.kill()
        process.wait()


@pytest.mark.parametrize("kind", ["onnx_fp32", "onnx_int8"])
def test_the_same_decisions_on_the_test_set(kind, reference, decision, intent_data, request):
    rule, records = read_rule(decision.path), read_records(intent_data.file("test.jsonl"))
    model = request.getfixturevalue(kind).path
    with running("serve", "--model", model, "--decision", decision.path, "--port", 0) as server:
        decided = []
        for url in (reference, server.url):
            with Endpoint(url, "intent", timeout=60) as endpoint:
                decided.append([endpoint.decide(rule, record.query) for record in records])
    swift, ours = decided
    print(kind, "largest difference in confidence:", max(abs(a.confidence - b.confidence) for a, b in zip(swift, ours, strict=True)))
    assert len(records) == 100
    same = sum((a.intent, a.route) == (b.intent, b.route) for a, b in zip(swift, ours, strict=True))
    assert same >= (100 if kind == "onnx_fp32" else 98)  # INT8 may cost two points: its own claim says so
