"""What is searched, and how: all that a worker has to know, as plain JSON."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import Any

from pipeline.profile import Profile, load_profile, parse_columns


@dataclass(frozen=True)
class SearchPlan:
    """study, study_url: where the trials are kept.  store, store_url: where the artifacts are.  profile … columns: as in
    `pipeline.cli.common`.  space: a name in ``profiles/spaces/`` or a path.  objectives, constraints: ids of claims; of the first kind
    the values are optimised and held below their targets, of the second only held.  sampler, settings: a file of
    ``pipeline/search/samplers`` and what it is given beside its seed.  queries: how many tuning queries judge a recipe.
    rungs, reduction: of the halving.  thresholds: the path of thresholds.yaml.
    """

    study: str
    study_url: str
    store: str
    store_url: str = ""
    profile: str = "reference"
    model: str = ""
    train_data: str = ""
    eval_data: str = ""
    columns: str = ""
    space: str = "compress"
    objectives: tuple[str, ...] = ()
    constraints: tuple[str, ...] = ()
    sampler: str = "nsga2"
    settings: dict[str, Any] = field(default_factory=dict)
    seed: int = 42
    queries: int = 600
    rungs: int = 2
    reduction: int = 4
    thresholds: str = "thresholds.yaml"

    def opened_profile(self) -> Profile:
        return load_profile(self.profile, self.model, self.train_data, self.eval_data, parse_columns(self.columns))

    @property
    def setting(self) -> dict[str, Any]:
        """What a trial's values depend on beside its recipe; a study is begun and continued with the same."""
        names = ("profile", "model", "train_data", "eval_data", "columns", "queries", "rungs", "reduction")
        return {name: getattr(self, name) for name in names}

    def to_json(self) -> str:
        return json.dumps(asdict(self), ensure_ascii=False)

    @staticmethod
    def from_json(text: str) -> SearchPlan:
        content = json.loads(text)
        return SearchPlan(**{**content, "objectives": tuple(content["objectives"]), "constraints": tuple(content["constraints"])})
