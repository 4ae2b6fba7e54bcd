"""Regressions planted in the code that serves, found or not by the real meters."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from benchmarks.gate.repeats import ROOT
from benchmarks.gate.simulate import Rate
from pipeline.measure.latency import ROUNDS
from pipeline.measure.memory import memory
from pipeline.measure.speedup import speedup
from pipeline.measure.subject import Subject
from pipeline.progress import track
from pipeline.store import Store
from pipeline.verdict.baseline import keep
from pipeline.verdict.judge import judge
from pipeline.verdict.regression import Turns, compare
from pipeline.verdict.thresholds import Thresholds

SERVES = "pipeline/edge/classifier.py"
SLOWER = """

def _slower(decide):
    from time import perf_counter_ns
    def longer(self, query):
        start = perf_counter_ns()
        answer = decide(self, query)
        end = start + (perf_counter_ns() - start) * {factor}
        while perf_counter_ns() < end:
            pass
        return answer
    return longer

Classifier.decide = _slower(Classifier.decide)
"""
LARGER = "\nBALLAST = bytearray(b'x' * {count})\n"
STEPS = {"nothing": 0.0, "+5 %": 0.05, "+10 %": 0.10, "+20 %": 0.20}


def slowdowns(results: Mapping[str, Any], thresholds: Thresholds, store: Store, runs: int, folder: Path) -> list[Rate]:
    """How often P50 and P95 count as regressed where each decision takes longer by a step, measured in turns with the code as it is.

    A run whose conditions were broken is not counted.
    """
    subject, queries = _served(results, store)
    claims = {claim["id"]: claim for claim in results["claims"] if claim["metric"] == "latency"}
    found: dict[tuple[str, str], list[bool]] = {}
    with track("planted slow-downs", runs * len(STEPS)) as progress:
        for _ in range(runs):  # the steps take turns, so that a busy hour is every step's
            for words, step in STEPS.items():
                pair = speedup(subject, _with(subject, SLOWER.format(factor=1 + step), folder / words), queries)
                progress.advance()
                for name, claim in claims.items() if not pair.invalid else ():
                    kept, turns = keep(claim, {}), Turns(pair.reference, pair.candidate)
                    change = compare(kept, kept, thresholds.claims[name], thresholds.gate.regression_confidence, turns)
                    found.setdefault((name, words), []).append(change.state == "regressed")
    return [Rate(name, words, ROUNDS, sum(states), len(states)) for (name, words), states in found.items()]


def growth(results: Mapping[str, Any], thresholds: Thresholds, store: Store, runs: int, folder: Path) -> list[Rate]:
    """How often the peak resident set counts as regressed where the serving process holds 10 % more."""
    subject, queries = _served(results, store)
    claim = next(claim for claim in results["claims"] if claim["metric"] == "peak_rss")
    target, kept = thresholds.claims[claim["id"]], keep(claim, {})
    rates = []
    for words, step in {"nothing": 0.0, "+10 %": 0.10}.items():
        heavy = _with(subject, LARGER.format(count=round(kept.value * 1e6 * step)), folder / f"memory {words}")
        states = []
        for _ in range(runs):
            measured = memory(heavy, queries, definition="peak_rss")
            entry = {**claim, "verdict": judge(measured, target).to_json(), "measurement": {"shape": measured.shape, **vars(measured)}}
            now = None if measured.invalid else keep(entry, {})
            states.append(now is not None and compare(kept, now, target, thresholds.gate.regression_confidence).state == "regressed")
        rates.append(Rate(target.id, words, kept.n, sum(states), runs))
    return rates


def _served(results: Mapping[str, Any], store: Store) -> tuple[Subject, list[str]]:
    """The model that a record's latency is of, and the queries of its accuracy."""
    claims = {claim["id"]: claim["measurement"] for claim in results["claims"]}
    artifacts = claims["latency.p95"]["artifacts"]
    model, decision = (store.open(key) for key in artifacts.values())
    subject = Subject(model.kind, model.path, decision.path, claims["latency.p95"]["conditions"]["threads"], artifacts)
    return subject, results["queries"][claims["accuracy.int8"]["items"]]


def _with(subject: Subject, fault: str, folder: Path) -> Subject:
    """The same model, served by a copy of the code with ``fault`` at its end."""
    if not folder.exists():
        shutil.copytree(ROOT / "pipeline", folder / "pipeline", ignore=shutil.ignore_patterns("__pycache__"))
        with (folder / SERVES).open("a") as file:
            file.write(fault)
    return replace(subject, code=folder)
