"""C-Eval, MMLU, GSM8K and CMATH by EleutherAI's lm-evaluation-harness, in a process of its own, question by question."""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import yaml

from pipeline.errors import EdgeError, told
from pipeline.precision.answers import Answers
from pipeline.process import run
from pipeline.progress import note
from pipeline.regular_file import check_regular_file
from pipeline.runtime.files import read_object

TASKS = Path(__file__).parent / "tasks"
HUB = {"mmlu": "mmlu", "ceval": "ceval-valid", "gsm8k": "gsm8k"}
"""The harness's own names of tasks that it reads from a hub."""
LIMIT = 100  # questions of a task, or of each of its subjects on the hub
FLAGS = ("HF_HUB_OFFLINE", "HF_DATASETS_OFFLINE")


def known_tasks() -> list[str]:
    """Tasks that are asked from a local file: the files of ``tasks/``, each in the harness's own form but for where the data lies."""
    return sorted(file.stem for file in TASKS.glob("*.yaml"))


def ask(model: Path, tasks: Mapping[str, Path | None], limit: int = LIMIT, threads: int | None = None) -> dict[str, Answers]:
    """Each task's questions put to the model as it is served.  tasks: name -> its questions as .jsonl, None for the hub's.

    A task without the harness, its data or a hub is `Answers` with the reason.  EdgeError for an unknown task, or a file that is
    no data of it: a mistake, and no reason to leave it out.
    """
    missing = "lm-evaluation-harness is not installed; install the extra `harness`" if find_spec("lm_eval") is None else ""
    reasons = {task: _why_not(task, file) or missing for task, file in tasks.items()}
    asked = {task: HUB[task] if tasks[task] is None else _local(task, tasks[task]) for task, reason in reasons.items() if not reason}
    found = _run(model, asked, limit, threads or os.cpu_count() or 1) if asked else {}
    return {task: Answers(reason=reason) if reason else _answers(task, tasks[task], found[task]) for task, reason in reasons.items()}


def _why_not(task: str, file: Path | None) -> str:
    if task not in known_tasks():
        raise EdgeError(f"task {task!r}: expected one of {', '.join(known_tasks())}; name one of these, or add a file to {TASKS}")
    if file is None:
        offline = next((flag for flag in FLAGS if os.environ.get(flag) not in (None, "", "0")), None)
        if task not in HUB:
            return f"no hub task of {task} is known; give its questions as a file"
        return f"its questions are read from a hub, and {offline} is set; give them as a file" if offline else ""
    try:
        check_regular_file(file, f"the questions of {task}")
        first = file.read_text(encoding="utf-8").lstrip().split("\n", 1)[0]
        if not isinstance(json.loads(first), dict):
            raise ValueError("no JSON object")
    except OSError as error:
        raise EdgeError(f"expected the questions of {task}, found {told(error)}; check the path") from None
    except ValueError as error:
        raise EdgeError(f"{file}: expected the questions of {task}, a JSON object a line, found {error}; {TASKS / task}.yaml has its "
                        "fields") from None
    return ""


def _run(model: Path, asked: Mapping[str, Any], limit: int, threads: int) -> dict[str, Any]:
    """What the worker found: ids and right of each task, or its error."""
    note(f"{model.name}: {', '.join(asked)}, by lm-evaluation-harness")
    with tempfile.TemporaryDirectory(prefix="harness-") as folder:
        scratch = Path(folder)
        job = {"model": str(model.resolve()), "tasks": dict(asked), "limit": limit, "threads": threads,
               "answers": str(scratch / "answers.json")}
        (scratch / "job.json").write_text(json.dumps(job), encoding="utf-8")
        path = os.pathsep.join(filter(None, [str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH")]))
        try:
            run([sys.executable, "-m", "pipeline.precision.harness_worker", str(scratch / "job.json")], log=scratch / "log", env={
                "HF_DATASETS_CACHE": str(scratch / "cache"), "TOKENIZERS_PARALLELISM": "false", "PYTHONUTF8": "1", "PYTHONPATH": path})
        except EdgeError as error:
            raise EdgeError(str(error).partition("; see ")[0]) from None  # the log goes with the folder
        return read_object(scratch / "answers.json", "what the harness found")


def _answers(task: str, file: Path | None, found: Mapping[str, Any]) -> Answers:
    if not (error := found.get("error")):
        return Answers(found["ids"], found["right"])
    if file is None:
        return Answers(reason=f"the hub's questions could not be asked: {error:.200}; give them as a file")
    raise EdgeError(f"{file}: expected the questions of {task}, found that the harness cannot ask them: {error:.300}; {TASKS / task}.yaml "
                    "has its fields")


def _local(task: str, file: Path) -> dict[str, Any]:
    """The harness's configuration of a task whose data is a local file."""
    config = yaml.safe_load((TASKS / f"{task}.yaml").read_text(encoding="utf-8"))
    return {"task": f"local_{task}", "dataset_path": "json", "dataset_kwargs": {"data_files": {"test": str(file.resolve())}},
            "test_split": "test", "num_fewshot": 0, **config}
