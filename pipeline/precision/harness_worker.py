"""``python -m pipeline.precision.harness_worker JOB``: tasks put to one model by lm-evaluation-harness.

JOB is JSON: model (a directory), tasks (our name -> the harness's, or its configuration), limit, threads, answers (the file to write).
It writes our name -> {"ids": [...], "right": [0 or 1, ...]}, an entry a question, or {"error": why} for a task that cannot be asked.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from pipeline.atomic import write_atomically
from pipeline.errors import EdgeError

METRICS = ("acc", "exact_match")
SEED = 42


def main(job_file: str) -> None:
    import torch

    job = json.loads(Path(job_file).read_text(encoding="utf-8"))
    torch.set_num_threads(job["threads"])
    model, found = _model(Path(job["model"])), {}
    for name, task in job["tasks"].items():
        try:
            found[name] = answers(model, task, job["limit"])
        except Exception as error:  # the harness, `datasets` and the hub raise kinds of their own
            found[name] = {"error": " ".join(f"{type(error).__name__}: {error}".split())}
    write_atomically(Path(job["answers"]), json.dumps(found))


def answers(model: Any, task: str | dict[str, Any], limit: int) -> dict[str, list[Any]]:
    """The first ``limit`` questions of a task, or of each of its subjects.  model: what the harness calls one, an LM."""
    from lm_eval import simple_evaluate
    from lm_eval.tasks import TaskManager

    known = TaskManager(include_defaults=isinstance(task, str))  # to list its thousands takes long
    found = simple_evaluate(model=model, tasks=[task], task_manager=known, limit=limit, log_samples=True, bootstrap_iters=0, random_seed=SEED,
                            numpy_random_seed=SEED, torch_random_seed=SEED, fewshot_random_seed=SEED)
    ids, right = [], []
    for subject, samples in sorted(found["samples"].items()):
        kept = samples[0].get("filter") if samples else None  # the hub's GSM8K reads answers in two ways; the first one counts
        for sample in (one for one in samples if one.get("filter") == kept):
            ids.append(f"{subject}/{sample['doc_id']}")
            right.append(_right(sample))
    if not ids:
        raise EdgeError("expected at least one question, found none")
    return {"ids": ids, "right": right}


def _model(directory: Path) -> Any:
    """The model as it is served, activations rounded, behind the harness's own interface."""
    from lm_eval.models.huggingface import HFLM
    from transformers import AutoTokenizer

    from pipeline.runtime.torch_quantised_runtime import load_served

    tokenizer = AutoTokenizer.from_pretrained(directory, local_files_only=True, trust_remote_code=False)
    return HFLM(pretrained=load_served(directory), tokenizer=tokenizer, device="cpu", batch_size=1)


def _right(sample: dict[str, Any]) -> int:
    metric = next((name for name in METRICS if name in sample), None)
    if metric is None:
        raise EdgeError(f"expected a question judged by {' or '.join(METRICS)}, found neither; use another task")
    return int(round(float(sample[metric])))


if __name__ == "__main__":
    main(sys.argv[1])
