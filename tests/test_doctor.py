"""Each check says what is wrong when it is, in one line with what to do."""

from __future__ import annotations

import http.server
import shutil
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import huggingface_hub.constants
import numpy
import psutil
import pytest
from safetensors.numpy import save_file

from pipeline.base import build_base
from pipeline.doctor import Finding, environment, examine, exit_code, render
from pipeline.errors import EdgeError
from pipeline.report.figures import fonts
from tests.models import tiny_model


@pytest.fixture
def look(tmp_path: Path) -> Callable[..., Finding]:
    """One finding by name, for a profile."""

    def find(name: str, **profile: Any) -> Finding:
        return next(one for one in examine(profile, tmp_path / "not" / "yet") if one.name == name)

    return find


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """A repository root with these files."""
    monkeypatch.setattr(environment, "ROOT", tmp_path)

    def write(**files: str) -> None:
        for name, text in files.items():
            (tmp_path / {"constraints": "constraints.txt", "project": "pyproject.toml"}[name]).write_text(text)

    return write


def test_every_check_reports_on_this_machine(tmp_path: Path) -> None:
    findings = examine({"base": {"kind": "reference"}, "data": {}}, tmp_path)
    assert [finding.name for finding in findings] == [
        "python", "packages", "ms-swift", "model", "data", "accelerator", "coreml", "chip", "report", "font", "disk",
        "memory", "power",
    ]  # fmt: skip
    assert not [finding for finding in findings if "could not be looked at" in finding.found]
    assert all(finding.do for finding in findings if finding.state != "ok")


def test_the_wrong_python(look: Callable[..., Finding], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "version_info", (3, 12, 1))
    assert look("python").state == "fail" and "3.11" in look("python").do


def test_a_wrong_version_is_named(look: Callable[..., Finding], repository: Callable[..., None]) -> None:
    repository(constraints="# pins\nfilelock==0.1  # old\npsutil>=5\ncoremltools==9 ; sys_platform == 'nowhere'\n")
    finding = look("packages")
    assert finding.state == "warn" and "filelock" in finding.found and "instead of ==0.1" in finding.found
    assert "psutil" not in finding.found and "constraints.txt" in finding.do


def test_a_local_version_part_is_no_difference(
    look: Callable[..., Finding], repository: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    repository(constraints="torch==2.13.0\n")
    monkeypatch.setattr(environment.metadata, "version", lambda name: "2.13.0+cpu")
    assert look("packages").state == "ok"


def test_a_missing_package_is_named(look: Callable[..., Finding], repository: Callable[..., None]) -> None:
    repository(constraints="psutil>=5\nnot-used-here==1\n", project='[project]\ndependencies=["no-such-package>=1"]')
    finding = look("packages")
    assert (finding.state, finding.found) == ("fail", "not installed: no-such-package")


def test_a_malformed_constraint_is_quoted(look: Callable[..., Finding], repository: Callable[..., None]) -> None:
    repository(constraints="torch=2.13\n")
    assert look("packages").state == "fail" and "torch=2.13" in look("packages").found


def test_no_ms_swift(look: Callable[..., Finding], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "swift", None)
    monkeypatch.delitem(sys.modules, "swift.cli", raising=False)
    assert look("ms-swift").state == "fail"


@pytest.mark.parametrize(("free", "state"), [(1e9, "fail"), (5e9, "warn"), (50e9, "ok")])
def test_free_disk(free: float, state: str, look: Callable[..., Finding], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(total=1e12, used=0, free=free))
    assert look("disk").state == state and f"{free / 1e9:.1f} GB" in look("disk").found


def test_little_memory(look: Callable[..., Finding], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(psutil, "virtual_memory", lambda: SimpleNamespace(total=8e9, available=1e9))
    assert look("memory").state == "warn"


@pytest.mark.parametrize(("plugged", "state"), [(False, "warn"), (True, "ok")])
def test_a_laptop(plugged: bool, state: str, look: Callable[..., Finding], monkeypatch: pytest.MonkeyPatch) -> None:
    battery = SimpleNamespace(percent=41.0, power_plugged=plugged)
    monkeypatch.setattr(psutil, "sensors_battery", lambda: battery, raising=False)
    assert look("power").state == state and "41 %" in look("power").found


def test_no_node(look: Callable[..., Finding], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: None)
    assert look("report").state == "warn" and "Node.js" in look("report").do


@pytest.fixture
def fonts_anew() -> Iterator[None]:
    fonts.chinese_font.cache_clear()
    yield
    fonts.chinese_font.cache_clear()


def test_the_font_is_the_one_of_the_figures(
    look: Callable[..., Finding], fonts_anew: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fonts.fontManager, "ttflist", [])  # a machine with no fonts of its own
    assert (look("font").state, look("font").found) == ("ok", "Noto Sans SC")


def test_no_chinese_font(look: Callable[..., Finding], fonts_anew: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fonts.fontManager, "ttflist", [])
    monkeypatch.setattr(fonts, "PACKAGE", "not_installed_here")
    assert look("font").state == "warn" and "pip install" in look("font").do


def test_a_broken_model_directory(tmp_path: Path, look: Callable[..., Finding]) -> None:
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "config.json").write_text("{")
    finding = look("model", base={"kind": "pretrained", "model": str(tmp_path / "model")})
    assert finding.state == "fail" and "\n" not in finding.found and str(tmp_path / "model") in finding.found


def test_a_model_of_another_size_than_the_profile_tells_about(tmp_path: Path, look: Callable[..., Finding]) -> None:
    tiny_model(tmp_path / "model")
    base = {"kind": "pretrained", "model": str(tmp_path / "model")}
    assert look("model", base=base).state == "ok"
    finding = look("model", base=base | {"parameters": 596_049_920})
    assert finding.state == "fail" and "596,049,920" in finding.found


def test_a_store_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").touch(mode=0o777)
    finding = next(one for one in examine({}, tmp_path / "file" / "store") if one.name == "disk")
    assert finding.state == "fail" and "writable folder for the store" in finding.found


def test_data_of_ones_own(tmp_path: Path, look: Callable[..., Finding]) -> None:
    pytest.importorskip("pipeline.data.validate")
    (tmp_path / "mine.jsonl").write_text('{"query": "今天天气怎么样", "intent": "no_such_intent"}\n')
    file = str(tmp_path / "mine.jsonl")
    finding = look("data", data={"train_file": file, "eval_file": file})
    assert finding.state == "fail" and "mine.jsonl" in finding.found and "\n" not in finding.found


def test_neither_directory_nor_hub_id(look: Callable[..., Finding]) -> None:
    finding = look("model", base={"kind": "pretrained", "model": "/no/such/folder"})
    assert finding.state == "fail" and "--model" in finding.do


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A hub that knows one model."""

    class Answer(http.server.BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            self.send_response(200 if self.path == "/some/known/resolve/main/config.json" else 404)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Answer) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{server.server_port}/")
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        yield
        server.shutdown()


@pytest.mark.parametrize(("model", "state", "found"), [("some/known", "ok", "at http"), ("some/typo", "fail", "404")])
def test_a_hub_id(model: str, state: str, found: str, hub: None, look: Callable[..., Finding]) -> None:
    finding = look("model", base={"kind": "pretrained", "model": model})
    assert finding.state == state and found in finding.found


def test_a_hub_that_is_not_there(look: Callable[..., Finding], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    finding = look("model", base={"kind": "pretrained", "model": "some/model"})
    assert finding.state == "fail" and "cannot be reached" in finding.found and "--model" in finding.do


@pytest.fixture
def cached(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A whole model in the hub's cache, on a machine without a network."""
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path))
    model, commit = tmp_path / "models--some--model", "0" * 40
    (model / "refs").mkdir(parents=True)
    (model / "refs" / "main").write_text(commit)
    snapshot = model / "snapshots" / commit
    snapshot.mkdir(parents=True)
    (snapshot / "config.json").write_text('{"model_type": "qwen3"}')
    (snapshot / "tokenizer.json").write_text('{"model": {}}')
    save_file({"w": numpy.ones((4, 4), numpy.float32)}, snapshot / "model.safetensors")
    return snapshot


@pytest.mark.parametrize("offline", [False, True])
def test_the_hub_s_cache_is_used_as_a_directory_only(
    offline: bool, cached: Path, tmp_path: Path, look: Callable[..., Finding], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", offline)
    base = {"kind": "pretrained", "model": "some/model"}
    finding = look("model", base=base)
    with pytest.raises(EdgeError, match="could not be downloaded"):
        build_base(tmp_path / "out", tmp_path / "scratch", base)
    assert (finding.state, finding.do) == ("fail", f"give --model {cached}")
    build_base(tmp_path / "out", tmp_path / "scratch", {**base, "model": str(cached)})


def test_a_crash_of_one_check_hides_no_other(look: Callable[..., Finding], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(psutil, "virtual_memory", lambda: 1 / 0)
    assert look("memory").state == "warn" and "ZeroDivisionError" in look("memory").found
    assert look("disk").state in ("ok", "warn", "fail")


def test_rendered_one_line_each() -> None:
    findings = [Finding("python", "ok", "3.11.7"), Finding("disk", "fail", "1.0 GB\nfree", "free some space")]
    assert render(findings).splitlines() == ["ok    python  3.11.7", "fail  disk    1.0 GB free -> free some space"]
    assert exit_code(findings) == 1 and exit_code(findings[:1]) == 0
