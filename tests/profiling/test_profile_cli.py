"""`edge profile`: the table, the files, hosts in one table, and what is said of a model or a file that is none."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from pipeline.cli import main
from pipeline.measure import attempts
from pipeline.measure.machine_lock import FOLDER_VARIABLE
from pipeline.profiling.operators import read_profile
from pipeline.profiling.take import take
from tests.profiling.conftest import product, saved, weight

HOSTS = "hosts:\n  - name: this machine\n  - name: the other\n    records: [wide.json]\n"


@pytest.fixture(autouse=True)
def alone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A lock of these tests, and no second try on a busy machine."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(FOLDER_VARIABLE, str(tmp_path_factory.mktemp("lock")))
        patch.setattr(attempts, "ATTEMPTS", 1)
        yield


@pytest.fixture
def wide(tmp_path: Path) -> Path:
    return saved(tmp_path / "wide.onnx", [product("wide", "x", "y")], {"w_wide": weight(64, 512)}, 64)


def test_a_graph_is_profiled_in_a_process_of_its_own_and_hosts_stand_in_one_table(wide: Path, tmp_path: Path, capsys) -> None:
    out = tmp_path / "reports"
    assert main(["profile", str(wide), "--rounds", "3", "--reports", str(out)]) == 0
    said = capsys.readouterr().out
    assert "wide: onnx (CPUExecutionProvider), 1 of " in said and "\nMatMul " in said
    assert "bottleneck: wide takes 100% of the time in fp32: quantise it (recipe int8); INT8 would read 0.03 MB of weights a run " in said
    assert sorted(path.name for path in out.iterdir()) == ["wide.json", "wide.md", "wide.pdf", "wide.png"]
    profile = read_profile(out / "wide.json")
    assert profile.whole and len(profile.whole.milliseconds) == 3 and profile.operators[0].macs == 32 * 64 * 512
    (hosts := out / "hosts.yaml").write_text(HOSTS)
    assert main(["profile", str(wide), "--rounds", "2", "--reports", str(tmp_path / "again"), "--hosts", str(hosts)]) == 0
    rows = [line for line in capsys.readouterr().out.splitlines() if line.startswith(("this machine", "the other"))]
    assert len(rows) == 2 and all(profile.host_class in row and row.endswith("float products") for row in rows)


@pytest.mark.parametrize(("arguments", "says"), [
    (["--threads", "0"], "edge: expected threads, tokens and warm-up of at least 1, 2 rounds, and each below 10000, found 0, 32, 5 and 30; "
                         "correct them"),
    (["--rounds", "1"], "edge: expected threads, tokens and warm-up of at least 1, 2 rounds, and each below 10000, found 1, 32, 5 and 1; "
                        "correct them")])
def test_a_number_that_makes_no_sense_is_refused(wide: Path, arguments: list[str], says: str, capsys) -> None:
    assert main(["profile", str(wide), *arguments]) == 2
    assert capsys.readouterr().err == f"{says}\n"


@pytest.mark.parametrize("content", [None, b"", b"not a graph"])
def test_a_file_that_is_no_graph_is_told(tmp_path: Path, content: bytes | None, capsys) -> None:
    file = tmp_path / "no.onnx"
    if content is not None:
        file.write_bytes(content)
    assert main(["profile", str(file), "--reports", str(tmp_path / "reports")]) == 2
    said = capsys.readouterr().err
    assert said.startswith("edge: no: ") and str(file) in said and "expected a" in said and not (tmp_path / "reports").exists()


@pytest.mark.parametrize(("text", "says"), [
    ("hosts: []\n", "hosts: List should have at least 1 item"),
    ("hosts:\n  - name: a\n  - name: a\n", "expected hosts of different names, found a, a; rename one"),
    ("hosts:\n  - name: a\n    address: b\n", "unknown key hosts.0.address")])
def test_hosts_that_are_none_are_refused_before_anything_runs(wide: Path, tmp_path: Path, text: str, says: str, capsys) -> None:
    (hosts := tmp_path / "hosts.yaml").write_text(text)
    assert main(["profile", str(wide), "--hosts", str(hosts), "--reports", str(tmp_path / "reports")]) == 2
    assert says in capsys.readouterr().err and not (tmp_path / "reports").exists()


def test_a_record_of_a_host_that_is_broken_is_named(wide: Path, tmp_path: Path, capsys) -> None:
    (hosts := tmp_path / "hosts.yaml").write_text(HOSTS)
    (tmp_path / "wide.json").write_text(json.dumps({"version": 1, "model": "m"}))
    assert main(["profile", str(wide), "--rounds", "2", "--hosts", str(hosts), "--reports", str(tmp_path / "reports")]) == 2
    assert f"{tmp_path / 'wide.json'}: " in capsys.readouterr().err


@pytest.mark.parametrize("kind", ["merged", pytest.param("int8", marks=pytest.mark.slow), pytest.param("mlx_4bit", marks=pytest.mark.slow)])
def test_the_weights_that_are_read_are_those_in_the_files(kind: str, request: pytest.FixtureRequest) -> None:
    """Of a real Qwen3: every matrix is seen once, by whichever library tells."""
    model = request.getfixturevalue(kind)
    told = take(model, 1, 40, 2, 1)
    held = sum(one["weights"] for one in told["operators"])
    on_disk = sum(file.stat().st_size for file in model.glob("*") if file.suffix in (".onnx", ".safetensors"))
    more = {"int8": 0.1, "merged": 1.0, "mlx_4bit": 0.5}[kind]  # torch reads the tied table twice, MLX makes scales float32 on a CPU
    assert 0.5 * on_disk < held < (1 + more) * on_disk
    assert sum(one["macs"] for one in told["operators"]) > 1e6 and np.median(told["whole"]["milliseconds"]) > 0
