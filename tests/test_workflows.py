"""The workflows, as far as they can be checked without GitHub: what they run exists, and they may and trust little."""

from __future__ import annotations

import contextlib
import io
import json
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from pipeline.cli import COMMANDS, _parser
from pipeline.report import summary

ROOT = Path(__file__).parents[1]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
PINNED = re.compile(r"[\w.-]+/[\w./-]+@[0-9a-f]{40}")
MAKE = re.compile(r"^\s*make ([^#\n]+)", re.MULTILINE)
EDGE = re.compile(r"\bedge ([a-z0-9]+)(?: ([^|\n]*))?")
FILE = re.compile(r"(?<![\w./-])(?:\.ci|tests|acceptance|profiles)/[\w./-]+|(?<![\w./-])\.ci/\w+")


def read(path: Path) -> dict[str, Any]:
    content = yaml.safe_load(path.read_text(encoding="utf-8"))
    return {("on" if key is True else key): value for key, value in content.items()}  # YAML 1.1 reads `on` as true


def faults(workflow: dict[str, Any]) -> list[str]:
    """What is wrong with a workflow, one line a fault."""
    return [*_trust(workflow), *(fault for job in workflow["jobs"].values() for step in job["steps"] for fault in _step(step))]


def _trust(workflow: dict[str, Any]) -> Iterator[str]:
    if workflow.get("permissions") != {"contents": "read"}:
        yield "permissions: expected to read the contents and no more; a job that needs more says so itself"
    if "pull_request_target" in workflow["on"] or "workflow_run" in workflow["on"]:
        yield "on: a trigger that gives a fork's code our token"
    for name, job in workflow["jobs"].items():
        ours = "head.repo.full_name == github.repository" in job.get("if", "")
        writes = "write" in job.get("permissions", {}).values()
        if ("self-hosted" in job["runs-on"] or writes) and "pull_request" in workflow["on"] and not ours:
            yield f"{name}: a fork's pull request would run on our machine or with a token that writes"
        if writes and any("checkout" in step.get("uses", "") for step in job["steps"]):
            yield f"{name}: a job that may write runs code of the pull request"
        if "timeout-minutes" not in job:
            yield f"{name}: no timeout"


def _step(step: dict[str, Any]) -> Iterator[str]:
    script = step.get("run", "")
    if "${{" in script:
        yield f"run: an expression inside a script can inject commands; hand it over by env: {script!r}"
    if "uses" in step and not PINNED.fullmatch(step["uses"]):
        yield f"uses: {step['uses']} is not pinned to a commit"
    if "checkout" in step.get("uses", "") and step["with"].get("persist-credentials") is not False:
        yield "checkout: the token stays in the workspace"
    for command, arguments in EDGE.findall(script):
        yield from _edge(command, shlex.split(arguments))
    for words in map(shlex.split, MAKE.findall(script)):
        targets = [word for word in words if "=" not in word]
        if subprocess.run(["make", "--dry-run", *targets], cwd=ROOT, capture_output=True).returncode:
            yield f"run: make has no target {' '.join(targets)}"
        if "m4" in targets:
            yield from _edge("m4", [part for word in words if word.startswith("ARGS=") for part in shlex.split(word.removeprefix("ARGS="))])
    for file in FILE.findall(script):
        if not (ROOT / file).exists():
            yield f"run: there is no file {file}"


def _edge(command: str, arguments: list[str]) -> Iterator[str]:
    if command not in COMMANDS:
        yield f"run: edge has no command {command}"
        return
    try:
        with contextlib.redirect_stderr(io.StringIO()) as said:
            _parser().parse_args([command, *arguments])
    except SystemExit:
        yield f"run: edge {command} does not understand {' '.join(arguments)}: {said.getvalue().splitlines()[-1]}"


def test_there_is_one_for_linux_one_for_a_hosted_mac_and_one_for_the_m4() -> None:
    runners = {path.stem: [job["runs-on"] for job in read(path)["jobs"].values()] for path in WORKFLOWS}
    assert runners["acceptance-m4"] == [["self-hosted", "macOS", "ARM64", "m4"]]
    assert all(str(runner).startswith("ubuntu") for runner in runners["acceptance"])
    assert runners["macos"] == ["macos-15"] and read(ROOT / ".github" / "workflows" / "macos.yml")["on"]["push"] is None  # every push


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_a_workflow_has_no_fault(path: Path) -> None:
    assert faults(read(path)) == []


PLANTED = {
    "permissions": lambda job, flow: flow.pop("permissions"),
    "trigger": lambda job, flow: flow["on"].update({"pull_request_target": None}),
    "our machine": lambda job, flow: job.update({"runs-on": ["self-hosted", "m4"], "if": "always()"}),
    "may write": lambda job, flow: job.update({"permissions": {"contents": "write"}, "if": "head.repo.full_name == github.repository"}),
    "timeout": lambda job, flow: job.pop("timeout-minutes"),
    "inject": lambda job, flow: job["steps"].append({"run": "echo ${{ github.event.pull_request.title }}"}),
    "pinned": lambda job, flow: job["steps"].append({"uses": "actions/cache@v5"}),
    "token stays": lambda job, flow: job["steps"][0]["with"].pop("persist-credentials"),
    "no command": lambda job, flow: job["steps"].append({"run": ".venv/bin/edge gates --against main"}),
    "no target": lambda job, flow: job["steps"].append({"run": "make acept"}),
    "no file": lambda job, flow: job["steps"].append({"run": ".venv/bin/python -m pytest tests/runtimes"}),
    "does not understand --rehearsal": lambda job, flow: job["steps"].append({"run": 'make m4 ARGS="--rehearsal"'}),
    "does not understand --devise": lambda job, flow: job["steps"].append({"run": ".venv/bin/edge plan --devise m4"}),
}


@pytest.mark.parametrize("word", PLANTED)
def test_each_fault_is_seen(word: str) -> None:
    workflow = read(ROOT / ".github" / "workflows" / "acceptance.yml")
    PLANTED[word](workflow["jobs"]["acceptance"], workflow)
    assert any(word in fault for fault in faults(workflow))


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_the_scripts_are_shell(path: Path) -> None:
    for job in read(path)["jobs"].values():
        for step in job["steps"]:
            if "run" in step:
                done = subprocess.run([shutil.which("bash") or "sh", "-n"], input=step["run"], text=True, capture_output=True)
                assert done.returncode == 0, done.stderr


def test_the_comment_is_found_by_the_marker_of_the_summary() -> None:
    steps = read(ROOT / ".github" / "workflows" / "acceptance.yml")["jobs"]["comment"]["steps"]
    assert f'startswith("{summary.MARKER}")' in steps[-1]["run"]


@pytest.mark.parametrize(("wanted", "code"), [(["coreml", "mlx"], 0), (["coreml", "litert"], 1), ([], 0)])
def test_a_backend_that_did_not_execute_is_found(wanted: list[str], code: int, tmp_path: Path) -> None:
    alone, paired = ({"measurement": {"conditions": conditions}} for conditions in (
        {"backend": "coreml", "provider": "coreml-all", "threads": 1},
        {"reference": {"backend": "torch", "provider": "torch-cpu"}, "candidate": {"backend": "mlx", "provider": "mlx-metal"}}))
    (tmp_path / "reports").mkdir()
    (tmp_path / "reports" / "results.json").write_text(json.dumps({"claims": [alone], "observations": [paired, {"measurement": {}}]}))
    command = [sys.executable, ROOT / ".ci" / "executed", "reports/results.json", *wanted]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == code, done.stderr
    assert ("litert: NOT EXECUTED" in done.stdout) == bool(code)
