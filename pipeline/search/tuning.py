"""The queries that a search judges its trials on: neither the challenge nor the test set, and more than the 100 of validation.

Drawn from the validation grammars with a seed of its own; what equals or resembles a query of the profile's own splits is left out.  A
user's own data has no grammars: there the validation split has to do.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from pipeline.data.generate import generate
from pipeline.data.intents import INTENTS
from pipeline.data.near import NearIndex
from pipeline.data.records import read_records, write_records
from pipeline.errors import EdgeError
from pipeline.profile import Profile
from pipeline.store import Artifact, Spec, Workspace

FILE = "tuning.jsonl"
SEED = 9
SPARE = 1.5
"""How many times more are drawn than asked for: about a sixth resembles the profile's own validation queries."""


def tuning(profile: Profile, data: Artifact, queries: int) -> Spec:
    """``tuning.jsonl`` with so many intent records, or with all of the validation split where the data is the user's own."""
    own = bool(profile.data.train_file)
    config = {"own": True} if own else {"queries": queries, "seed": SEED}

    def build(work: Workspace) -> None:
        if own:
            write_records(work.out / FILE, read_records(data.file("validation.jsonl")))
        else:
            draw(work.out / FILE, data.path, queries)

    return Spec("tuning", build, config, {"data": data}, ("pipeline.search.tuning",))


def draw(out: Path, data: Path, queries: int, seed: int = SEED) -> None:
    """Write records apart from all of the .jsonl files in ``data``; EdgeError where the grammars cannot say so many."""
    known = NearIndex()
    for file in sorted(data.glob("*.jsonl")):
        for record in read_records(file):
            known.add(file.name, record.query)
    few = len(INTENTS)
    with tempfile.TemporaryDirectory() as folder:
        drawn = generate(Path(folder), seed=seed, train=few, validation=round(SPARE * queries) + few, test=few, challenge=few)
        apart = [record for record in read_records(drawn["validation"]) if not any(known.find(record.query))]
    if len(apart) < queries:
        raise EdgeError(f"--queries: expected at most {len(apart):,}, apart from the profile's own, found {queries:,}; ask for fewer")
    write_records(out, apart[:queries])
