"""The decisions of a quantised model as it is served, many at once: simulated rounding is slow, and slowest a query at a time."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby, islice

import torch

from pipeline.measure.decisions import Decisions
from pipeline.measure.subject import Subject
from pipeline.progress import track
from pipeline.runtime.decision import read_rule
from pipeline.runtime.prompt import Prompt
from pipeline.runtime.torch_quantised_runtime import TorchQuantisedRuntime, load_served

AT_ONCE = 64


@torch.inference_mode()
def decide_served(subject: Subject, queries: Sequence[str]) -> Decisions:
    """What `pipeline.measure.decisions.decide_all` finds with the backend torch-quantised, in this process.

    Prompts of one length are read together, so none is padded; scales are of a token or of a whole matrix, so none hears another.
    """
    rule = read_rule(subject.decision)
    prompt, model = Prompt(subject.decision, rule.prefix, rule.suffix, rule.max_length), load_served(subject.model)
    encoded = {query: prompt.encode(query) for query in dict.fromkeys(queries)}

    def length(query: str) -> int:
        return len(encoded[query].ids)

    found = {}
    with track(f"{subject.name}: decisions", len(encoded)) as progress:
        for _, alike in groupby(sorted(encoded, key=length), length):
            while some := list(islice(alike, AT_ONCE)):
                ids = torch.tensor([encoded[query].ids for query in some])
                rows = model(input_ids=ids, logits_to_keep=1, use_cache=False).logits[:, -1, rule.label_ids].float().numpy()
                found |= {query: rule.decide(query, row, encoded[query].truncated) for query, row in zip(some, rows, strict=True)}
                progress.advance(len(some))
    decided = [found[query] for query in encoded]
    return Decisions(
        name=subject.name, labels=[intent.name for intent in rule.intents], temperature=rule.temperature, queries=list(encoded),
        intents=[one.intent for one in decided], confidences=[one.confidence for one in decided], routes=[one.route for one in decided],
        logits=[list(map(float, one.logits)) for one in decided], artifacts=dict(subject.artifacts),
        conditions={"backend": TorchQuantisedRuntime.backend, "provider": TorchQuantisedRuntime.provider,
                    "threads": torch.get_num_threads()})
