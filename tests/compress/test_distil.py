from __future__ import annotations

import json
import shutil
from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.base.tokenizer import train_tokenizer
from pipeline.compress import technique
from pipeline.compress.checkpoint import FILE
from pipeline.compress.lessons import UNLABELLED, answer_all, read_queries, teach, training_queries, transfer_texts
from pipeline.compress.model import open_model, write_model
from pipeline.compress.plan import plan_of
from pipeline.compress.training import Training, judge, schedule, steps_of, train
from pipeline.data.near import bigrams, jaccard
from pipeline.errors import EdgeError
from tests.compress.healing import half_as_deep, lessons_of, weights_of
from tests.export.tiny_qwen3 import TEXTS, build, compress

FEW = {"transfer": 0, "epochs": 1.0, "batch_size": 32}


@pytest.fixture(scope="module")
def pruned(taught, tmp_path_factory):
    return half_as_deep(taught.model, tmp_path_factory.mktemp("pruned") / "model")


def test_what_depth_pruning_lost_comes_back(taught, pruned, tmp_path):
    """The planted fault: half of the layers gone.  Judged on queries that it was not trained on."""
    compress("distil", tmp_path / "out", replace(taught, model=pruned), transfer=0, epochs=2.0, batch_size=16, learning_rate=2e-3)
    report = json.loads((tmp_path / "out" / "compression.json").read_text())
    before, after = report["validation"]["before"], report["validation"]["after"]
    assert before["loss"] > 0.1 and after["loss"] < before["loss"] / 2 and after["token_accuracy"] > before["token_accuracy"]
    curves = json.loads((tmp_path / "out" / "curves.json").read_text())
    assert [point["step"] for point in curves["train"]] == list(range(1, report["steps"] + 1))
    assert curves["eval"][-1]["loss"] == after["loss"] and curves["rows"] == report["queries"]
    held_out, = teach(taught, read_queries(taught, taught.validation))
    assert judge(open_model(tmp_path / "out"), held_out) == after


def test_a_student_equal_to_its_teacher_stays(taught, tmp_path):
    compress("distil", tmp_path / "out", taught, **FEW, features=1.0)
    assert json.loads((tmp_path / "out" / "curves.json").read_text())["train"][-1]["loss"] == pytest.approx(0, abs=1e-5)
    ours, theirs = (dict(open_model(folder).named_parameters()) for folder in (tmp_path / "out", taught.model))
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)


@pytest.mark.parametrize("changes", [{}, {"tie_word_embeddings": False}])
def test_killed_and_resumed_is_bit_equal_and_type_and_ties_stay(taught, tmp_path, changes):
    """The kill falls after two steps; a second whole run gives the same bytes too."""
    built, student = build(tmp_path / "built", 1, **changes), tmp_path / "student"
    write_model(open_model(built).to(torch.bfloat16 if changes else torch.float32), built, student)
    source = replace(taught, model=student)
    for name in ("whole", "again"):
        compress("distil", tmp_path / name, source, **FEW, hard=0.5, features=0.5)
    assert weights_of(tmp_path / "whole") == weights_of(tmp_path / "again") != weights_of(student)
    found, asked = open_model(tmp_path / "whole"), Training(**FEW, hard=0.5, features=0.5)
    assert found.dtype == (torch.bfloat16 if changes else torch.float32)
    assert found.config.tie_word_embeddings is not bool(changes)
    lessons, killed, resumed = lessons_of(source, states=True), open_model(student).float(), open_model(student).float()

    def kill(model, done, steps):
        if done == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(killed, lessons, asked, tmp_path / "scratch", kill, save_every=0)
    seen = []
    losses = train(resumed, lessons, asked, tmp_path / "scratch", lambda model, done, steps: seen.append(done), save_every=0)
    assert seen == list(range(3, len(losses) + 1)) and len(losses) > 4
    write_model(resumed.to(found.dtype).eval(), student, tmp_path / "resumed")
    assert weights_of(tmp_path / "resumed") == weights_of(tmp_path / "whole")


@pytest.mark.parametrize("fault", ["other settings", "damaged", "other student"])
def test_a_foreign_or_damaged_checkpoint_is_not_resumed(taught, pruned, tmp_path, fault):
    lessons, asked, seen = lessons_of(taught), Training(transfer=0, epochs=0.1, batch_size=16), []
    train(open_model(pruned), lessons, asked, tmp_path, save_every=0)
    if fault == "damaged":
        (tmp_path / FILE).write_bytes(b"damaged")
    if fault == "other settings":
        asked = asked.model_copy(update={"learning_rate": 2e-3})
    other = open_model(taught.model if fault == "other student" else pruned)
    train(other, lessons, asked, tmp_path, lambda model, done, steps: seen.append(done))
    assert seen == [1]


def test_weights_that_were_pruned_stay_zero_and_the_embedding_stays(taught, pruned, tmp_path):
    model = open_model(pruned)
    with torch.no_grad():
        (matrix := model.model.layers[0].mlp.up_proj.weight).mul_(matrix.abs() > matrix.abs().median())
    write_model(model, pruned, tmp_path / "sparse")
    compress("distil", tmp_path / "out", replace(taught, model=tmp_path / "sparse"), **FEW | {"epochs": 0.3})
    healed, asked = open_model(tmp_path / "out"), open_model(tmp_path / "sparse")
    assert torch.equal(healed.model.layers[0].mlp.up_proj.weight == 0, asked.model.layers[0].mlp.up_proj.weight == 0)
    assert not torch.equal(healed.model.layers[0].mlp.up_proj.weight, asked.model.layers[0].mlp.up_proj.weight)
    assert torch.equal(healed.model.embed_tokens.weight, asked.model.embed_tokens.weight)


def test_a_student_may_be_narrower_and_have_another_tokenizer(taught, tmp_path):
    student = build(tmp_path / "student", 1, hidden_size=32, num_attention_heads=2)
    train_tokenizer(TEXTS, 330, student)
    compress("distil", tmp_path / "out", replace(taught, model=student), **FEW, hard=1.0)
    assert (tmp_path / "out" / "tokenizer.json").read_bytes() == (student / "tokenizer.json").read_bytes()
    lessons, = teach(replace(taught, model=student), read_queries(taught, taught.train))
    assert lessons.ids != lessons_of(taught).ids and torch.equal(lessons.logits, lessons_of(taught).logits)


def test_padding_changes_no_answer(taught):
    lessons, model = lessons_of(taught, states=True), open_model(taught.model)
    assert len(set(map(len, lessons.ids))) > 3
    for at in range(0, len(lessons.ids), 40):
        found = model(torch.tensor([lessons.ids[at]]), output_hidden_states=True)
        assert torch.allclose(found.logits[0, -1, lessons.label_ids], lessons.logits[at], atol=1e-4)
        assert torch.allclose(torch.stack(found.hidden_states[1:])[:, 0, -1], lessons.states[at], atol=1e-4)
    some = answer_all(model, lessons.ids[:7], lessons.label_ids, [1, 2])
    assert some.states.shape == (7, 2, 64) and torch.allclose(some.logits, lessons.logits[:7], atol=1e-4)


def test_transfer_texts_are_none_of_the_held_out_queries_nor_like_them(taught, tmp_path):
    """Planted: what the corpus would say first is in the validation split, and in another file beside it."""
    said = transfer_texts(40, 7, [])
    for split, texts in (("validation", said[:10]), ("challenge", said[10:20])):
        rows = (json.dumps({"query": text, "intent": "open_chat"}, ensure_ascii=False) for text in texts)
        (tmp_path / f"{split}.jsonl").write_text("\n".join(rows) + "\n")
    shutil.copyfile(taught.train, tmp_path / "train.jsonl")
    source = replace(taught, train=tmp_path / "train.jsonl", validation=tmp_path / "validation.jsonl")
    queries = training_queries(source, 40, 7)
    texts = [query.text for query in queries if query.label == UNLABELLED]
    assert len(set(texts)) == 40 and len(queries) == 200 and queries == training_queries(source, 40, 7)
    assert max(jaccard(bigrams(one), bigrams(other)) for one in texts for other in said[:20]) < 0.8


@pytest.mark.parametrize(("fault", "message"), [
    ("teacher", "expected a teacher"), ("train", "expected training and"), ("width", "set features: 0"), ("nan", "lower learning_rate")])
def test_what_is_missing_is_one_line(taught, pruned, tmp_path, fault, message):
    student = build(tmp_path / "student", 1, hidden_size=32, num_attention_heads=2) if fault == "width" else pruned
    if fault == "nan":
        model = open_model(pruned)
        model.model.norm.weight.data.fill_(float("nan"))
        write_model(model, pruned, student := tmp_path / "student")
    source = replace(taught, model=student, **({fault: None} if fault in ("teacher", "train") else {}))
    with pytest.raises(EdgeError, match=message) as caught:
        compress("distil", tmp_path / "out", source, **FEW, features=1.0)
    assert "\n" not in str(caught.value) and not (tmp_path / "out" / "model.safetensors").exists()


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(1, 40), min_size=1, max_size=60), st.integers(1, 3), st.integers(1, 9), st.integers(0, 5))
def test_every_epoch_asks_every_prompt_once(lengths, epochs, size, seed):
    plan = steps_of([[0] * length for length in lengths], Training(epochs=epochs, batch_size=size, seed=seed))
    assert sorted(at for batch in plan for at in batch) == sorted(list(range(len(lengths))) * epochs)


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 200), st.floats(0, 0.9))
def test_the_learning_rate_rises_once_and_falls(steps, warmup):
    rates = [schedule(step, steps, warmup) for step in range(steps)]
    top = rates.index(max(rates))
    assert max(rates) == 1 and rates[:top + 1] == sorted(rates[:top + 1]) and rates[top:] == sorted(rates[top:], reverse=True)


def test_the_prediction_keeps_sizes(taught):
    distil, plan = technique("distil"), plan_of(taught.model)
    assert distil.predict(plan, distil.Settings()) == replace(plan, seconds=distil.seconds(plan, distil.Settings()))
