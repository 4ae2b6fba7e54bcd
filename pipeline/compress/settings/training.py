"""Of techniques that mend a model by its teacher's answers."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from pipeline.compress.settings import Positive
from pipeline.compress.settings import Settings as Base

Weight = Annotated[float, Field(ge=0)]


class Training(Base):
    """How to train.

    epochs: times through the queries.  batch_size: prompts a step.  learning_rate: the highest; it rises over the share ``warmup`` of
    the steps and falls as a cosine.  temperature: of both distributions in the KL divergence.  hard: weight of the cross-entropy
    with the true label, where one is known.  features: weight of the hidden states' distance.  transfer: unlabelled texts of the
    project's corpus, beside the training queries.  bfloat16: compute the student's passes in it, for a large model on a CPU that
    multiplies it fast; weights and loss stay float32.
    """

    epochs: Annotated[float, Field(gt=0)] = 2.0
    batch_size: Positive = 64
    learning_rate: Annotated[float, Field(gt=0)] = 1e-3
    warmup: Annotated[float, Field(ge=0, lt=1)] = 0.1
    temperature: Annotated[float, Field(gt=0)] = 2.0
    hard: Weight = 0.0
    features: Weight = 0.0
    transfer: Annotated[int, Field(ge=0)] = 3000
    bfloat16: bool = False
    seed: int = 42
