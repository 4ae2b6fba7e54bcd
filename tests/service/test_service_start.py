"""The server knows every setting and its bounds without what does the work."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
CODE = """
import sys
from pathlib import Path
from fastapi.testclient import TestClient
from pipeline.service.app import PREFIX, make_app
from pipeline.service.settings import Settings
with TestClient(make_app(Settings(state=Path("state"), store=Path("store"))), base_url="http://127.0.0.1") as client:
    for path, body, status in (("quantize", {"recipe": "edge-200mb"}, 202), ("quantize", {"graph": [{"technique": "mixed"}]}, 202),
                               ("prune", {"steps": [{"technique": "depth", "settings": {"keep": 2}}]}, 422),
                               ("prune", {"steps": [{"technique": "wanda"}], "heal": {}}, 202), ("distill", {}, 202)):
        assert client.post(f"{PREFIX}/{path}", json=body).status_code == status, path
    assert client.get("/openapi.json").json()["components"]["schemas"]["Int4Settings"]["properties"]["group"]
    assert client.get("/metrics").status_code == 200
print(*sorted({"torch", "transformers", "onnx", "onnxruntime", "scipy", "sklearn", "mlflow"} & set(sys.modules)))
"""


def test_no_library_that_builds_is_imported(tmp_path: Path) -> None:
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    ran = subprocess.run([sys.executable, "-c", CODE], cwd=tmp_path, env=env, capture_output=True, text=True)
    assert (ran.returncode, ran.stdout) == (0, "\n"), ran.stderr
