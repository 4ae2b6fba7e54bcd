"""Putting a model into a workspace: copied whole, opened once to see that its parts belong together, then put in place."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from pipeline.data.assistant.tasks import TASKS
from pipeline.edge.assistant.workspace import DECISION, GENERATOR, MODEL, Workspace
from pipeline.errors import EdgeError


def deploy(workspace: Workspace, model: Path, decision: Path, generator: Path | None = None) -> None:
    """Copy the directories into deployed/; one without a ``generator`` takes an earlier one away.

    EdgeError where they do not open together or decide on other tasks, and then what was deployed before is still there.
    """
    parts = {MODEL: model, DECISION: decision, **({GENERATOR: generator} if generator else {})}
    target = workspace.root / "deployed"
    target.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".deploying-", dir=target) as scratch:
        for name, source in parts.items():
            shutil.copytree(source, Path(scratch, name), ignore=shutil.ignore_patterns("manifest.json"))
        _check(Path(scratch), workspace.settings.threads)
        for name in (MODEL, DECISION, GENERATOR):
            old = target / name
            if old.exists():
                old.rename(Path(scratch, f"old-{name}"))
            if name in parts:
                Path(scratch, name).rename(old)


def _check(parts: Path, threads: int) -> None:
    from pipeline.edge.assistant.record.counted import tables
    from pipeline.edge.classifier import Classifier
    classifier = Classifier.open(parts / MODEL, parts / DECISION, threads)
    found, expected = [intent.name for intent in classifier.rule.intents], [task.name for task in TASKS]
    if sorted(found) != sorted(expected):
        raise EdgeError(f"expected a decision on the tasks {', '.join(expected)}, found {', '.join(found)}; "
                        "name one that was trained on the assistant's data")
    classifier.decide("现在学到第几章了")
    tables()  # so that the first start need not count
    if (parts / GENERATOR).is_dir():
        from pipeline.edge.assistant.phrasing import Phrasing
        Phrasing.open(parts / GENERATOR, threads)
