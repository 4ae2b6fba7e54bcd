from __future__ import annotations

import json
import unicodedata
from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer, models, trainers
from transformers import AutoTokenizer

from pipeline.base.corpus import Utterance
from pipeline.compress import Source, byte_bpe, technique
from pipeline.compress.byte_bpe import ByteBPE
from pipeline.compress.calibration import answers, asked
from pipeline.compress.model import open_model
from pipeline.compress.plan import plan_of
from pipeline.compress.techniques import vocab
from pipeline.errors import EdgeError
from pipeline.export.forward import ClassifierForward
from pipeline.runtime.prompt import read_tokenizer
from pipeline.runtime.torch_runtime import load_model
from tests.compress.pruned import compressed, logits, source_of

SAID = ["今天天气怎么样", "明天天气预报", "weather tomorrow", "the weather in London", "whether the rain stays", "几点了现在", "天气天气"]
LEARNED = [*SAID * 3, "internationalisation is a long word", "a longer sentence about a longer walk", "国际化很长的句子", "句子很长"] * 3
EXTRA = 30  # rows without a token, as Qwen's embedding has


def real_form(model, ignore_merges=False):
    """Gives a tiny model a tokenizer.json as Qwen's own: pieces of any length, merges as text, added tokens behind the others."""
    state = json.loads((model / "tokenizer.json").read_text())
    learned = Tokenizer.from_str(json.dumps({**state, "added_tokens": [], "model": json.loads(Tokenizer(models.BPE()).to_str())["model"]}))
    learned.train_from_iterator(LEARNED, trainers.BpeTrainer(
        vocab_size=420, initial_alphabet=sorted(byte for byte in state["model"]["vocab"] if len(byte) == 1), show_progress=False))
    made = json.loads(learned.to_str())["model"]
    added = [{**token, "id": len(made["vocab"]) + at} for at, token in enumerate(state["added_tokens"])]
    made |= {"merges": [" ".join(pair) for pair in made["merges"]], "ignore_merges": ignore_merges}
    if ignore_merges:  # a word that no merges make
        made["merges"] = [pair for pair in made["merges"] if pair.replace(" ", "") != "Ġweather"]
        assert "Ġweather" in made["vocab"]
    level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": False, "use_regex": False}
    (model / "tokenizer.json").write_text(json.dumps({**state, "model": made, "added_tokens": added, "post_processor": level}))
    ids = {token["content"]: token["id"] for token in added}
    decoder = {str(token["id"]): {key: value for key, value in token.items() if key != "id"} for token in added}
    told = json.loads((model / "tokenizer_config.json").read_text())
    (model / "tokenizer_config.json").write_text(json.dumps({**told, "added_tokens_decoder": decoder}))
    config = json.loads((model / "config.json").read_text())
    config |= {"bos_token_id": None, "eos_token_id": [ids["<|im_end|>"], ids["<|endoftext|>"]], "pad_token_id": ids["<|endoftext|>"]}
    (model / "config.json").write_text(json.dumps(config))


@pytest.fixture(scope="module", params=["own", "real", "ignore_merges"])
def trimmed(request, tmp_path_factory):
    """A source, its trimmed directory, the report, and old id -> new id by the pieces."""
    folder = tmp_path_factory.mktemp(request.param)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(vocab, "utterances", lambda: [Utterance(text, "chat", "") for text in SAID])
        source = source_of(folder, vocab_size=500) if request.param != "own" else source_of(folder)
        if request.param != "own":
            real_form(source.model, request.param == "ignore_merges")
        rows = {"own": 352, "real": 380, "ignore_merges": 380}[request.param]
        report = compressed("vocab", source, folder / "out", rows=rows)
    old, new = (read_tokenizer(model).get_vocab(with_added_tokens=True) for model in (source.model, folder / "out"))
    assert new.keys() < old.keys()
    return source, folder / "out", report, {old[piece]: new[piece] for piece in new}


TEXTS = st.lists(st.one_of(st.sampled_from([*SAID, "international ", "weat", " the", "<|im_end|>", "<think>", "长", " ", "\n"]),
                           st.text(st.characters(exclude_categories=["Cs"]), max_size=4)), max_size=6).map("".join)


@settings(max_examples=60, deadline=None)
@given(text=TEXTS)
def test_kept_tokens_are_cut_as_before_and_all_text_is_read_back(trimmed, text):
    source, out, _, new = trimmed
    whole, small = read_tokenizer(source.model), read_tokenizer(out)
    before, after = (tokenizer.encode(text, add_special_tokens=False) for tokenizer in (whole, small))
    if new.keys() >= set(before.ids):
        assert after.ids == [new[token] for token in before.ids] and after.tokens == before.tokens
    else:
        assert len(after.ids) > len(before.ids)
    assert small.decode(after.ids, skip_special_tokens=False) == unicodedata.normalize("NFC", text)


def test_what_is_needed_stays(trimmed):
    source, out, report, new = trimmed
    bpe = ByteBPE(json.loads((source.model / "tokenizer.json").read_text()))
    assert [new[old] for old in sorted(new)] == [*range(len(new))]
    assert bpe.added | bpe.bytes <= new.keys()
    assert answers(replace(source, model=out)) == [new[token] for token in answers(source)]
    for before, after in zip(asked(source), asked(replace(source, model=out)), strict=True):
        assert after.ids == [new[token] for token in before.ids]
    assert report["rows"]["after"] == report["tokens"]["after"] == len(new) and report["needed"] <= len(new) < report["tokens"]["before"]
    assert report["covered"]["validation"] == 1 and report["tokens_per_query"]["before"] == report["tokens_per_query"]["after"]
    assert 0.5 < report["covered"]["corpus"] <= 1
    predicted = technique("vocab").predict(plan_of(source.model), technique("vocab").Settings(rows=len(new)))
    assert replace(predicted, seconds=0) == plan_of(out)


def test_the_model_is_the_same_on_the_rows_that_stay(trimmed):
    """Bit for bit: the weights, all logits that are left, and the labels' as they are exported."""
    source, out, _, new = trimmed
    rows, old, found = sorted(new), open_model(source.model), open_model(out)
    assert torch.equal(old.model.embed_tokens.weight[rows], found.model.embed_tokens.weight)
    ids = asked(source)[0].ids
    now = [new[token] for token in ids]
    assert torch.equal(logits(source.model, ids)[:, rows], logits(out, now))
    with torch.inference_mode():
        before, after = (ClassifierForward(model, labels, 64)(torch.tensor([given])) for model, labels, given in (
            (old, answers(source), ids), (found, answers(replace(source, model=out)), now)))
    assert torch.equal(before, after)


def test_every_id_is_said_anew(trimmed):
    source, out, _, new = trimmed
    old, found = (json.loads((model / "config.json").read_text()) for model in (source.model, out))
    mapped = [new[one] for one in old["eos_token_id"]] if isinstance(old["eos_token_id"], list) else new.get(old["eos_token_id"])
    assert found["vocab_size"] == len(new) and found["eos_token_id"] == mapped
    assert json.loads((out / "generation_config.json").read_text()).get("eos_token_id") == mapped
    by_transformers = AutoTokenizer.from_pretrained(out)
    text = "<|im_start|>user\n今天天气怎么样<|im_end|>\n"
    assert by_transformers(text)["input_ids"] == read_tokenizer(out).encode(text).ids
    for token, what in json.loads((out / "tokenizer_config.json").read_text()).get("added_tokens_decoder", {}).items():
        assert by_transformers.convert_tokens_to_ids(what["content"]) == int(token)


@pytest.mark.parametrize("fault", ["label", "merge", "order"])
def test_a_wrong_tokenizer_is_caught(tmp_path, monkeypatch, fault):
    """Planted: a label's token gone, a merge missing, two merges swapped."""
    monkeypatch.setattr(vocab, "utterances", lambda: [Utterance(text, "chat", "") for text in SAID])
    source = source_of(tmp_path)

    class Wrong(ByteBPE):
        def trimmed(self, kept):
            label = self.vocab["C"]
            state, new = super().trimmed(set(kept) - {label} if fault == "label" else kept)
            if fault == "merge":
                state["model"]["merges"].pop(next(at for at, pair in enumerate(state["model"]["merges"]) if "".join(pair) == "user"))
            if fault == "order":
                state["model"]["merges"].reverse()
            return state, new

    monkeypatch.setattr(vocab, "ByteBPE", Wrong)
    with pytest.raises(EdgeError, match="to cut|single token|expected the label"):
        compressed("vocab", source, tmp_path / "out", rows=352)


def test_rows_without_a_token_go_alone(tmp_path, monkeypatch):
    """As the shape's: more rows than tokens, an untied head, in bfloat16; twice the same bytes."""
    monkeypatch.setattr(vocab, "utterances", lambda: [])
    source = source_of(tmp_path, dtype=torch.bfloat16, vocab_size=500, tie_word_embeddings=False)
    tokens = read_tokenizer(source.model).get_vocab_size()
    for out in ("one", "two"):
        report = compressed("vocab", source, tmp_path / out, rows=480)
    assert report["rows"] == {"before": 500, "after": tokens} and report["merges"]["before"] == report["merges"]["after"]
    one, two = ((tmp_path / out / "model.safetensors").read_bytes() for out in ("one", "two"))
    assert one == two
    model, old = open_model(tmp_path / "one"), open_model(source.model)
    assert model.dtype == torch.bfloat16 and torch.equal(model.lm_head.weight, old.lm_head.weight[:tokens])


def test_what_cannot_be_trimmed_is_one_line(tmp_path):
    source = source_of(tmp_path)
    tokens = read_tokenizer(source.model).get_vocab_size()
    for rows, says in ((tokens, "nothing to trim"), (260, "raise rows")):
        with pytest.raises(EdgeError, match=says):
            compressed("vocab", source, tmp_path / "out", rows=rows)
    with pytest.raises(EdgeError, match="calibration data"):
        compressed("vocab", Source(source.model, prompt=source.prompt), tmp_path / "out", rows=300)
    state = json.loads((source.model / "tokenizer.json").read_text())
    with pytest.raises(EdgeError, match="byte-level BPE"):
        byte_bpe.ByteBPE({**state, "decoder": {"type": "WordPiece"}})
    larger = load_model(source.model)
    larger.resize_token_embeddings(tokens - 5)
    larger.save_pretrained(source.model)
    with pytest.raises(EdgeError, match="a row for each token"):
        compressed("vocab", source, tmp_path / "out", rows=300)


def test_a_coverage_leaves_as_many_tokens_as_make_up_that_share_of_the_corpus(tmp_path, monkeypatch):
    said = [*["今天天气怎么样"] * 50, *SAID]
    monkeypatch.setattr(vocab, "utterances", lambda: [Utterance(text, "chat", "") for text in said])
    source = source_of(tmp_path)
    reports = {share: compressed("vocab", source, tmp_path / str(share), rows=1000, coverage=share) for share in (0.7, 0.95)}
    rows = {share: report["rows"]["after"] for share, report in reports.items()}
    assert rows[0.7] <= rows[0.95] < reports[0.95]["rows"]["before"]
    assert all(report["covered"]["corpus"] >= share for share, report in reports.items())
    with pytest.raises(EdgeError, match="nothing to trim"):
        compressed("vocab", source, tmp_path / "all", rows=1000)
