"""Fewer tokens: the rows of the embedding, and of the head, cut to what is needed; the tokenizer likewise (`byte_bpe`)."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import Any

import torch
from torch import nn

from pipeline.atomic import write_atomically
from pipeline.base.corpus import utterances
from pipeline.base.reference import save_model
from pipeline.compress import DATA, Source
from pipeline.compress.byte_bpe import ByteBPE
from pipeline.compress.calibration import answers, asked, read_queries
from pipeline.compress.model import TOKENIZER, open_model
from pipeline.compress.plan import Plan
from pipeline.compress.settings.vocab import FAMILY as FAMILY
from pipeline.compress.settings.vocab import STAGE as STAGE
from pipeline.compress.settings.vocab import Settings
from pipeline.errors import EdgeError
from pipeline.runtime.files import read_object, write_object
from pipeline.runtime.prompt import Prompt, read_tokenizer

NEEDS, LIBRARIES = (DATA,), ("torch", "transformers", "tokenizers")
UNCUT = 1_000_000  # tokens: no text is shortened here


def apply(out: Path, scratch: Path, source: Source, settings: Settings) -> dict[str, Any]:
    """Write the model and its tokenizer with at most ``rows`` tokens; ids keep their order.

    Stay: added tokens, bytes, the labels, the tokens of the prompt and of the training queries; then the most frequent of the
    project's corpus, then those of the lowest ids, which BPE learned first; each with what it is merged from.  Rows beyond
    the tokenizer go.  EdgeError when nothing would go, when the needed tokens are more than ``rows``, and when the written
    tokenizer fails its check.

    Report: rows and tokens {before, after}, merges, needed, covered (the share of the text's former tokens that stayed, of
    corpus and validation) and tokens_per_query {before, after} of the validation queries.
    """
    model, bpe = open_model(source.model), ByteBPE(read_object(source.model / "tokenizer.json", "a tokenizer"))
    before = model.config.vocab_size
    if not max(bpe.ids) < before:
        raise EdgeError(f"{source.model}: expected a row for each token, found {before} for ids up to {max(bpe.ids)}; build it again")
    if settings.coverage == 1 and min(settings.rows, len(bpe.ids)) >= before:
        raise EdgeError(f"expected rows below the vocabulary's {before}, found {settings.rows}: nothing to trim; lower rows")
    needed = _needed(bpe, source)
    if min(settings.rows, len(bpe.ids)) < len(needed):
        raise EdgeError(f"expected rows for the {len(needed)} tokens of prompt, labels and training queries, found {settings.rows}; "
                        "raise rows")
    texts = {"corpus": [said.text for said in utterances()], "validation": _queries(source)}
    ids = {name: _encoded(source.model, of) for name, of in texts.items()}
    state, new = bpe.trimmed(_filled(bpe, needed, settings, Counter(chain.from_iterable(ids["corpus"]))))
    if len(new) == before:
        raise EdgeError(f"expected a coverage that some of the {before} tokens exceed, found {settings.coverage}: nothing to trim")
    _cut(model, new)
    save_model(model, out)
    _write_tokenizer(source.model, out, state, new)
    now = {name: _encoded(out, of) for name, of in texts.items()}
    _check(source, out, new, [*zip(chain(*ids.values()), chain(*now.values()), strict=True)])
    return {"rows": {"before": before, "after": len(new)}, "tokens": {"before": len(bpe.ids), "after": len(new)},
            "merges": {"before": len(bpe.merges), "after": len(state["model"]["merges"])}, "needed": len(needed),
            "covered": {name: _covered(of, new) for name, of in ids.items()},
            "tokens_per_query": {"before": _mean_length(ids["validation"]), "after": _mean_length(now["validation"])}}


def predict(plan: Plan, settings: Settings) -> Plan:
    return plan.after(20, vocabulary=min(settings.rows, plan.vocabulary))


def _needed(bpe: ByteBPE, source: Source) -> set[int]:
    """Added tokens, bytes, labels, and the tokens of prompt and training queries."""
    prompts = asked(_uncut(source))
    seen = set(answers(source)).union(*(prompt.ids for prompt in prompts))
    return (bpe.added | bpe.bytes).union(*map(bpe.closure, seen))


def _filled(bpe: ByteBPE, needed: set[int], settings: Settings, frequency: Counter[int]) -> set[int]:
    """``needed``, and of the rest the most frequent tokens that fit into ``rows`` with their parts, until ``coverage`` is reached."""
    rows, wanted = settings.rows, settings.coverage * frequency.total()
    if rows >= len(bpe.ids) and settings.coverage == 1:
        return bpe.ids
    kept, by_frequency = set(needed), sorted(frequency, key=lambda token: (-frequency[token], token))
    for token in chain(by_frequency, sorted(bpe.ids)):
        if len(kept) >= rows or settings.coverage < 1 and sum(frequency[one] for one in kept) >= wanted:
            break
        if len(more := bpe.closure(token) - kept) <= rows - len(kept):
            kept |= more
    return kept


def _cut(model: Any, new: Mapping[int, int]) -> None:
    """Keep these rows of embedding and head, and say the special tokens' new ids."""
    embedding, head, config, kept = model.model.embed_tokens, model.lm_head, model.config, torch.tensor(list(new))
    tied = head.weight is embedding.weight
    embedding.weight = nn.Parameter(embedding.weight.detach()[kept], requires_grad=False)
    head.weight = embedding.weight if tied else nn.Parameter(head.weight.detach()[kept], requires_grad=False)
    embedding.num_embeddings = head.out_features = config.vocab_size = len(new)
    embedding.padding_idx = None
    for name in ("bos_token_id", "eos_token_id", "pad_token_id"):
        old = getattr(config, name, None)
        setattr(config, name, [new[one] for one in old if one in new] if isinstance(old, list) else new.get(old))


def _write_tokenizer(source: Path, out: Path, state: dict[str, Any], new: Mapping[int, int]) -> None:
    """tokenizer.json and what belongs to it; vocab.json and merges.txt would say the same again, and stay behind."""
    write_atomically(out / "tokenizer.json", json.dumps(state, ensure_ascii=False, indent=2))
    for name in TOKENIZER:
        if (source / name).is_file() and name not in ("tokenizer.json", "vocab.json", "merges.txt"):
            write_atomically(out / name, (source / name).read_bytes())
    if (file := out / "tokenizer_config.json").is_file():
        config = read_object(file, "a tokenizer's settings")
        if added := config.get("added_tokens_decoder"):
            write_object(file, {**config, "added_tokens_decoder": {str(new[int(old)]): token for old, token in added.items()}})


def _check(source: Source, out: Path, new: Mapping[int, int], texts: Sequence[tuple[list[int], list[int]]]) -> None:
    """EdgeError unless labels and training prompts kept their tokens, all texts (ids before, now) are still read back, and those
    whose tokens all stayed are cut as before."""
    whole, trimmed = read_tokenizer(source.model), read_tokenizer(out)
    after = replace(source, model=out)
    prompts = [(old.ids, found.ids) for old, found in zip(asked(_uncut(source)), asked(_uncut(after)), strict=True)]
    kept = [(answers(source), answers(after)), *prompts]
    kept += [(old, found) for old, found in texts if new.keys() >= set(old)]
    wrong = next((old for old, found in kept if [new.get(token) for token in old] != found), None)
    if wrong is None:
        wrong = next((old for old, found in texts if whole.decode(old) != trimmed.decode(found)), None)
    if wrong is not None:
        raise EdgeError(f"{out}: expected the trimmed tokenizer to cut {whole.decode(wrong)[:40]!r} as before, found it "
                        "different; do not use this model")


def _uncut(source: Source) -> Source:
    return replace(source, prompt={**source.prompt, "max_length": UNCUT})


def _queries(source: Source) -> list[str]:
    return [query.text for query in read_queries(source, source.validation)] if source.validation else []


def _encoded(model: Path, texts: Sequence[str]) -> list[list[int]]:
    prompt = Prompt(model, "", "", UNCUT)
    return [prompt.encode(text).ids for text in texts]


def _covered(texts: Sequence[list[int]], new: Mapping[int, int]) -> float:
    return round(sum(token in new for ids in texts for token in ids) / max(sum(map(len, texts)), 1), 6)


def _mean_length(texts: Sequence[list[int]]) -> float:
    return round(sum(map(len, texts)) / max(len(texts), 1), 3)
