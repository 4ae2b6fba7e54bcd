"""`edge serve --decisions FILE`: a line a decision, without the question, and `edge monitor` reads it."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

from pipeline.monitor.decisions import read_decisions
from tests.serve.conftest import running, start


def test_what_was_decided_is_logged_and_nothing_of_what_was_asked(subject, queries, tmp_path: Path) -> None:
    log = tmp_path / "decisions.jsonl"
    with running("serve", "--model", subject.model, "--decision", subject.decision, "--port", 0, "--decisions", log) as server:
        told = [server.ask(query).json()["edge"] for query in queries[:20]]
        for line in server.ask(queries[20], stream=True).text.splitlines():
            told += [json.loads(line[6:])["edge"]] if '"edge"' in line else []
        assert server.post(b"{").status_code == 400
        kept = list(read_decisions(log))
    assert [one.label for one in kept] == [one["intent"] for one in told] and len(kept) == 21
    assert all(abs(one.confidence - edge["confidence"]) < 1e-6 and one.ms > 0 for one, edge in zip(kept, told, strict=True))
    assert {tuple(json.loads(line)) for line in log.read_text().splitlines()} == {("at", "ms", "confidence", "label")}
    assert not any(query in log.read_text() for query in queries) and os.stat(log).st_mode & 0o077 == 0


def test_a_log_that_is_a_link_is_not_followed(subject, tmp_path: Path) -> None:
    (log := tmp_path / "log").symlink_to(tmp_path / "target")
    process = start("serve", "--model", subject.model, "--decision", subject.decision, "--port", 0, "--decisions", log)
    try:
        _, said = process.communicate(timeout=60)
    except subprocess.TimeoutExpired:
        process.kill()
        raise
    assert process.returncode == 2 and said.startswith(f"edge: --decisions: expected a file to append to, found {log}: ")
    assert not (tmp_path / "target").exists()
