"""``python -m benchmarks.retrieval``: ways to search the course files beside each other, on training and validation questions."""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from benchmarks.retrieval.lsa import Lsa
from benchmarks.retrieval.rankers import Fts, WithVectors, by, jieba_terms, ours, trigrams
from pipeline.data.assistant.courses import all_courses
from pipeline.data.assistant.distractors import distractors
from pipeline.data.assistant.generate import generate
from pipeline.data.assistant.library import resources
from pipeline.data.assistant.sample import Sample, read_samples
from pipeline.edge.assistant.library.index import Index
from pipeline.edge.assistant.named import CourseName
from pipeline.measure.host import describe_host
from pipeline.measure.retrieval import retrieval
from pipeline.percentile import percentile

SPLITS = ("train", "validation")
DIMENSIONS, WEIGHTS = 128, (0.1, 0.3, 1.0)
Ask = Callable[[str], list[str]]


@dataclass(frozen=True)
class At:
    path: str


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.retrieval", description="ways to search the course files")
    parser.add_argument("--distractors", type=int, default=2000, help="files of other courses beside those asked for [%(default)s]")
    parser.add_argument("--seed", type=int, default=3, help="of the questions [%(default)s]")
    options = parser.parse_args()
    files = [*resources(), *distractors(options.distractors, options.seed)]
    with tempfile.TemporaryDirectory() as folder, Index.open(Path(folder) / "index.db") as index:
        made = generate(Path(folder), seed=options.seed, train=1600, validation=400)
        samples = {split: read_samples(made[split]) for split in SPLITS}
        index.add(files, [CourseName(course.name, course.aliases) for course in all_courses()])
        host = describe_host()
        print(f"{host['cpu']}, {host['system']}, {date.today()}; {len(files):,} files, {sum(len(one.text) for one in files):,} passages\n")
        print("| search | questions | accuracy@1 | recall@5 | MRR | P95, ms of CPU |\n|" + " --- |" * 6)
        for name, ask in _ways(index, files):
            for split in SPLITS:
                print(_row(name, split, ask, samples[split]), flush=True)


def _ways(index: Index, files: list) -> Iterator[tuple[str, Ask]]:
    yield "pairs of characters (the library)", ours(index)
    yield "FTS5 trigram, bm25", by(index, Fts(files, "trigram", trigrams))
    yield "jieba, FTS5 bm25", by(index, Fts(files, "unicode61", jieba_terms))
    vectors = Lsa(files, DIMENSIONS)
    for weight in WEIGHTS:
        yield f"pairs and {DIMENSIONS} LSA dimensions, weight {weight:g}", by(index, WithVectors(index, vectors, weight))


def _row(name: str, split: str, ask: Ask, samples: list[Sample]) -> str:
    spent = list[float]()

    def find(question: str) -> list[At]:
        since = time.process_time()
        paths = ask(question)
        spent.append(1000 * (time.process_time() - since))
        return [At(path) for path in paths]

    found = retrieval(find, samples, resources())
    recall, mrr = found.details["recall"], found.details["mrr"]
    return (f"| {name} | {len(found.outcomes)} {split} | {100 * recall['1']:.1f} % | {100 * recall['5']:.1f} % | {mrr:.3f} | "
            f"{percentile(spent, 0.95):.1f} |")


if __name__ == "__main__":
    main()
