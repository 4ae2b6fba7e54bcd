"""The four splits of the assistant's data, from the grammars: in the documented mix, the same bytes for a seed."""

from __future__ import annotations

import random
import re
from collections import deque
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pipeline.data.assistant.asking import OPERATIONS
from pipeline.data.assistant.courses import held_out_in
from pipeline.data.assistant.grammars import Template, all_templates
from pipeline.data.assistant.sample import Sample, write_samples
from pipeline.data.assistant.slots import Filled, fill
from pipeline.data.assistant.tasks import COMPLEX_REASONING, COURSE_RESOURCE, LEARNING_TRACKING, TASKS
from pipeline.data.assistant.truth import STATED, flaw
from pipeline.data.grammar import HELD_OUT_SPLITS, SPLITS, Slot, Text
from pipeline.data.near import NearIndex
from pipeline.data.sentence import Sentence, chosen
from pipeline.data.speech import normalise, roughen
from pipeline.errors import EdgeError

_DRAWS, _NOISES = 100, 10
_STUTTER = re.compile(r"(公式|定理|概念|条件|定律|定义|法则|准则|例子)的?\1")  # 香农公式的公式: the term says it already
_FORMAL = re.compile(r"推导|证|公式|例题|算|解法|反例|定理")  # nobody proves the May Fourth Movement
_GOLDEN = 0.6180339887  # steps of it over a list leave no part of the list out


def generate(directory: Path, *, seed: int = 20260101, train: int = 400, validation: int = 50, test: int = 50,
             challenge: int = 1000) -> dict[str, Path]:
    """Write {split}.jsonl for the four splits and return their paths.

    Every split has the tasks in their documented shares, and every template of it about as often; no question stands twice, and none
    of test or challenge is a near duplicate of one in train or validation.  EdgeError where the grammars cannot say so many.
    """
    sizes = dict(zip(SPLITS, (train, validation, test, challenge), strict=True))
    for split, size in sizes.items():
        if size < 10:
            raise EdgeError(f"expected at least 10 {split} samples, so that every task has one, found {size}; raise it")
    splits = _draw_all(seed, sizes)
    paths = {split: directory / f"{split}.jsonl" for split in SPLITS}
    for split, path in paths.items():
        write_samples(path, splits[split])
    return paths


def counts(size: int) -> dict[str, int]:
    """Samples by task, in the documented shares; what is left by rounding down goes to the largest remainders."""
    exact = {task.name: task.share * size for task in TASKS}
    whole = {name: int(share + 1e-9) for name, share in exact.items()}
    by_remainder = sorted(whole, key=lambda name: whole[name] - exact[name])
    for name in by_remainder[:size - sum(whole.values())]:
        whole[name] += 1
    return whole


def _draw_all(seed: int, sizes: Mapping[str, int]) -> dict[str, list[Sample]]:
    seen: set[str] = set()
    learnt = NearIndex()
    splits = {}
    for split, size in sizes.items():
        splits[split] = _Drawer(split, random.Random(f"{seed}/assistant/{split}"), seen, learnt).draw(size)
        if split not in HELD_OUT_SPLITS:  # validation picks what is kept, so it must not echo train either
            for number, sample in enumerate(splits[split]):
                learnt.add((split, number), sample.query)
    return splits


class _Drawer:
    """Draws one split's samples; ``apart`` holds the questions that it must not come near."""

    def __init__(self, split: str, rng: random.Random, seen: set[str], apart: NearIndex) -> None:
        self._split, self._rng, self._seen, self._apart = split, rng, seen, apart

    def draw(self, size: int) -> list[Sample]:
        samples = [sample for task, wanted in counts(size).items() for sample in self._of_task(task, wanted)]
        self._rng.shuffle(samples)
        return samples

    def _of_task(self, task: str, wanted: int) -> list[Sample]:
        turns = deque(self._spread([one for one in all_templates() if one.task == task and one.split == self._split]))
        samples: list[Sample] = []
        while turns and len(samples) < wanted:
            template = turns.popleft()
            if sample := self._fresh(template):
                samples.append(sample)
                turns.append(template)
        if len(samples) < wanted:
            raise EdgeError(f"expected {wanted} different {self._split} questions of {task}, found {len(samples)}; "
                            "ask for fewer or add templates")
        return samples

    def _spread(self, pool: list[Template]) -> list[Template]:
        """In an order of which any beginning is spread evenly over the file, which goes by topics."""
        start = self._rng.random()
        return [pool[place] for place in sorted(range(len(pool)), key=lambda place: (start + place * _GOLDEN) % 1)]

    def _fresh(self, template: Template) -> Sample | None:
        """A question that stands nowhere yet, or None when many draws brought none."""
        for _ in range(_DRAWS):
            sample = ask(template, self._rng)
            if sample and normalise(sample.query) not in self._seen and not any(self._apart.find(sample.query)):
                self._seen.add(normalise(sample.query))
                return sample
        return None


def ask(template: Template, rng: random.Random) -> Sample | None:
    """A question of the template with its truth; None where what was drawn makes no sense, such as a laboratory that there is not."""
    parts = chosen(template.nodes, rng)
    names = list(dict.fromkeys(part.name for part in parts if isinstance(part, Slot)))
    filled = fill(names, template.split, rng, template.about if template.task != LEARNING_TRACKING else "")
    sentence = Sentence(parts, filled.values)
    query = _spoken(sentence, template, rng)
    sample = Sample(query, template.task, _truth(template, filled), template.id)
    leaks = template.split not in HELD_OUT_SPLITS and held_out_in(query)  # 有 before 机会成本 says 有机
    return None if leaks or _odd(sentence, template, filled) or flaw(sample) else sample


def _odd(sentence: Sentence, template: Template, filled: Filled) -> bool:
    words = "".join(part.text for part in sentence.parts if isinstance(part, Text))
    unproved = template.task != LEARNING_TRACKING and not filled.place.course.formal and _FORMAL.search(words)
    return bool(unproved or _STUTTER.search(sentence.text))


def _truth(template: Template, filled: Filled) -> dict[str, Any]:
    if template.task == COMPLEX_REASONING:
        return {}
    if template.task == COURSE_RESOURCE:
        return {name: filled.means.get(name) for name in STATED}
    if template.task == LEARNING_TRACKING:
        said = {"period": "all"} | filled.means
        return {"operation": template.about} | {name: said[name] for name in OPERATIONS[template.about].names if name in said}
    return {"card": filled.means["card"], "aspect": template.about, "course": filled.place.course.name}


def _spoken(sentence: Sentence, template: Template, rng: random.Random) -> str:
    """The sentence with the noise of speech where that takes nothing from the truth: what fills a slot stays as it is, and of words that
    tell an operation or an aspect not one is touched.
    """
    for _ in range(_NOISES):
        rough = roughen(sentence.text, template.split, rng)
        kept = not template.about or normalise(rough) == normalise(sentence.text)
        if kept and all(value in rough for value in sentence.values.values()):
            return rough
    return sentence.text
