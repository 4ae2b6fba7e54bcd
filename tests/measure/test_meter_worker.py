"""The measured process: what it answers, what it imports, and how each of its deaths is told."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pipeline.errors import EdgeError
from pipeline.measure import child as child_module
from pipeline.measure import decisions
from pipeline.measure.child import Child, environment, opening, serving
from pipeline.measure.decisions import BATCH, decide_all
from pipeline.measure.subject import Subject


def program(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    """Runs ``text`` before the worker's main, in the worker's process."""
    whole = f"{text}\nimport sys\nfrom pipeline.measure import worker\nsys.exit(worker.main())"
    monkeypatch.setattr(child_module, "PROGRAM", ("-P", "-c", whole))


def test_serving_imports_neither_torch_nor_transformers(subject: Subject, queries: list[str]) -> None:
    with serving(subject) as (child, opened):
        child.ask("decide", queries=queries[:3])
        child.ask("memory")
        modules = set(child.ask("modules")["modules"])
    assert opened["backend"] == "onnx" and opened["provider"] == "CPUExecutionProvider" and opened["threads"] == 1
    assert "onnxruntime" in modules
    assert not modules & {"torch", "transformers", "psutil", "pipeline.measure.decisions"}


def test_works_from_any_directory(elsewhere: Path, subject: Subject, queries: list[str]) -> None:
    assert len(decide_all(subject, queries[:2]).intents) == 2


def test_serves_the_documented_json(subject: Subject, records: list[dict]) -> None:
    with serving(subject) as (child, _):
        assert child.ask("serve") == {"serving": True}
        child.tell(records[0]["query"])
        answer = child.hear()
    assert answer["query"] == records[0]["query"] and answer["intent"] == records[0]["intent"]
    assert set(answer) == {"query", "intent", "should_route_to_cloud", "confidence_threshold", "expected_output"}


def test_threads_are_fixed_by_the_environment() -> None:
    fixed = environment(3)
    assert {fixed[name] for name in child_module.THREAD_VARIABLES} == {"3"}
    assert fixed["PYTHONPATH"].split(os.pathsep)[0] == str(Path(child_module.__file__).parents[2])


def test_what_a_library_prints_is_not_an_answer(
    monkeypatch: pytest.MonkeyPatch, subject: Subject, queries: list[str]
) -> None:
    program(monkeypatch, "import pipeline.edge.classifier as c; import os\n"
                         "old = c.Classifier.decide\n"
                         "def decide(self, q): print('noise'); os.write(1, b'more\\n'); return old(self, q)\n"
                         "c.Classifier.decide = decide")
    assert len(decide_all(subject, queries[:3]).intents) == 3


@pytest.mark.parametrize(("dying", "expected"), [
    ("os._exit(3)", "ended with exit code 3"),
    ("os.kill(os.getpid(), 9)", "killed \\(SIGKILL\\).*memory"),
    ("os.kill(os.getpid(), 11)", "ended by SIGSEGV"),
    ("raise MemoryError('no room')", "MemoryError: no room"),
])
def test_a_worker_that_dies_half_way_is_one_line(
    monkeypatch: pytest.MonkeyPatch, subject: Subject, queries: list[str], dying: str, expected: str
) -> None:
    program(monkeypatch, "import os, pipeline.edge.classifier as c\n"
                         "old, seen = c.Classifier.decide, []\n"
                         f"def decide(self, q):\n seen.append(q)\n if len(seen) > 2: {dying}\n return old(self, q)\n"
                         "c.Classifier.decide = decide")
    with pytest.raises(EdgeError, match=f"^tiny: .*{expected}") as caught:
        decide_all(subject, queries)
    assert "\n" not in str(caught.value)


def test_a_worker_that_hangs_is_killed_and_named(
    monkeypatch: pytest.MonkeyPatch, subject: Subject, queries: list[str]
) -> None:
    program(monkeypatch, "import time, pipeline.edge.classifier as c\n"
                         "c.Classifier.decide = lambda self, query: time.sleep(60)")
    child = Child("tiny", 1, timeout=30)
    with child:
        child.ask("open", **opening(subject))
        child.timeout = 0.3
        with pytest.raises(EdgeError, match="within 0.3 s"):
            child.ask("decide", queries=queries)
    assert child.process.returncode is not None


def test_each_batch_of_decisions_has_a_deadline_of_its_own(
    monkeypatch: pytest.MonkeyPatch, subject: Subject, queries: list[str]
) -> None:
    asked: list[list[str]] = []
    tell = Child.tell

    def listening(self: Child, request: dict[str, Any]) -> None:
        asked.extend([request["queries"]] if request["do"] == "decide" else [])
        tell(self, request)

    monkeypatch.setattr(Child, "tell", listening)
    decided = decide_all(subject, queries)
    assert [len(batch) for batch in asked] == [BATCH, BATCH, len(queries) - 2 * BATCH]
    with serving(subject) as (child, _):
        assert child.ask("decide", queries=queries)["logits"] == decided.logits


def test_a_broken_model_is_named(subject: Subject, tmp_path: Path) -> None:
    (tmp_path / "runtime.json").write_text(json.dumps({"backend": "none such"}))
    with pytest.raises(EdgeError, match="expected a backend"):
        decide_all(replace(subject, model=tmp_path), ["一天"])


def test_an_unknown_request_is_refused(subject: Subject) -> None:
    with serving(subject) as (child, _), pytest.raises(EdgeError, match="expected a request among"):
        child.ask("dance")


def test_writing_to_a_dead_worker_tells_why_it_died(subject: Subject) -> None:
    with serving(subject) as (child, _):
        child.process.kill()
        child.process.wait()
        with pytest.raises(EdgeError, match="killed"):
            child.ask("decide", queries=["一天"])


def test_deciding_at_once_changes_no_bit(monkeypatch: pytest.MonkeyPatch, subject: Subject, queries: list[str]) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: 1)
    alone = decide_all(subject, queries)
    monkeypatch.setattr(os, "cpu_count", lambda: 4)
    together = decide_all(replace(subject, threads=4), queries)
    assert alone == together and alone.conditions["threads"] == 1


@pytest.mark.parametrize("count", [1, 7, 2 * BATCH + 1])
def test_nor_do_several_processes_nor_the_order(monkeypatch: pytest.MonkeyPatch, subject: Subject, queries: list[str], count: int) -> None:
    alone = decide_all(subject, queries[:count])
    monkeypatch.setattr(decisions, "IN_PYTHON", (subject.backend,))
    monkeypatch.setattr(os, "cpu_count", lambda: 3)
    assert decide_all(subject, queries[:count]) == alone
