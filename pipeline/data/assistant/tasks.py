"""The four tasks, read once from ``tasks.yaml``."""

from __future__ import annotations

from pathlib import Path

from pipeline.data.intents import Intent, load_intents

COURSE_RESOURCE, LEARNING_TRACKING, SIMPLE_QA, COMPLEX_REASONING = (
    "course_resource", "learning_tracking", "simple_qa", "complex_reasoning")
TASKS: tuple[Intent, ...] = load_intents(Path(__file__).with_name("tasks.yaml"))
SYSTEM = "判断学习任务"
"""The system message under which the model names the task."""
