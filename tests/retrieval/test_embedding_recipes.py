"""The chain's techniques on an embedding's weights, its training, and its data."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from pipeline.compress.calibration import answers, asked
from pipeline.compress.step import run_step
from pipeline.compress.techniques import depth, distil, vocab
from pipeline.data.retrieval.dataset import Document, Question, read_documents, read_questions, write_documents, write_questions
from pipeline.data.retrieval.pairs import pairs
from pipeline.errors import EdgeError
from pipeline.export.embedding import state
from pipeline.runtime.embedding import text_prompt
from pipeline.runtime.prompt import read_tokenizer
from pipeline.runtime.torch_runtime import load_model
from pipeline.train.contrastive import info_nce, train_embedding
from tests.export.tiny_qwen3 import build
from tests.retrieval.small import LONGEST, PREFIX, data, source_of

CONFIG = {"seed": 1, "query_prefix": PREFIX, "max_length": LONGEST, "epochs": 6, "batch_size": 8, "learning_rate": 3e-3,
          "temperature": 0.05}


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    folder = tmp_path_factory.mktemp("recipes")
    return source_of(build(folder / "model", 4), folder / "data")


def vectors(model, source):
    loaded = load_model(model)
    prompt = text_prompt(model, LONGEST)
    return np.stack([state(loaded, prompt.encode(one.text).ids) for one in read_documents(source.train.parent)])


def near(before, after):
    return float((before * after).sum(1).mean())


def step(name, module, source, out, **settings):
    out.mkdir()
    run_step(name, out, out.with_name("scratch"), source, module.Settings(**settings))
    return out


def test_questions_are_calibrated_with_as_they_are_asked(source):
    texts = {tuple(one.ids) for one in asked(source)}
    tokenizer = read_tokenizer(source.model)
    end = tokenizer.token_to_id("<|endoftext|>")
    wanted = [PREFIX + read_questions(source.train)[0].text, read_documents(source.train.parent)[0].text]
    assert all((*tokenizer.encode(text, add_special_tokens=False).ids, end) in texts for text in wanted)


def test_fewer_layers_then_taught_by_the_whole_is_nearer_it(source, tmp_path):
    small = step("depth", depth, source, tmp_path / "depth", layers=3)
    healed = step("distil", distil, replace(source, model=small), tmp_path / "distil", features=1, transfer=0, epochs=6, learning_rate=1e-3,
                  batch_size=8)
    whole = vectors(source.model, source)
    assert near(whole, vectors(healed, source)) > near(whole, vectors(small, source)) + 0.01


def test_a_smaller_vocabulary_leaves_every_vector_of_training_texts_as_it_was(source, tmp_path):
    rows = load_model(source.model).config.vocab_size - 10
    made = step("vocab", vocab, source, tmp_path / "vocab", rows=rows)
    assert near(vectors(source.model, source), vectors(made, source)) == pytest.approx(1, abs=1e-5)
    tokens = [[read_tokenizer(of.model).id_to_token(one) for one in answers(of)] for of in (source, replace(source, model=made))]
    assert tokens[0] == tokens[1] and len(tokens[0]) > 20


def test_training_brings_questions_to_their_documents(tmp_path):
    base, made = build(tmp_path / "base"), data(tmp_path / "data", 48)
    for out in (tmp_path / "out", tmp_path / "again"):
        out.mkdir()
        train_embedding(out, tmp_path / f"scratch {out.name}", base=base, data=made, config=CONFIG)
    curve = [one["loss"] for one in json.loads((tmp_path / "out" / "curves.json").read_text())["train"]]
    assert len(curve) == 36 and np.mean(curve[-5:]) < 0.5 * np.mean(curve[:5])
    assert (tmp_path / "out" / "model.safetensors").read_bytes() == (tmp_path / "again" / "model.safetensors").read_bytes()


def test_other_right_answers_of_a_batch_are_no_wrong_ones():
    """Two questions with the same document: without the rule, each would push the other's away."""
    vectors = torch.nn.functional.normalize(torch.tensor([[1.0, 0], [1, 0], [0, 1]]), dim=-1)
    right = torch.tensor([[1, 1, 0], [1, 1, 0], [0, 0, 1]], dtype=torch.bool)
    assert info_nce(vectors, vectors, right, 0.05) < 1e-6 < 0.4 < info_nce(vectors, vectors, torch.eye(3, dtype=torch.bool), 0.05)


def test_pairs_are_half_right_and_by_turns_hard():
    documents = [Document(f"{course}/{kind}", f"{course} {kind}") for course in "ab" for kind in "xyz"]
    found = list(pairs([Question("q0", ("a/x",)), Question("q1", ("b/y", "b/z"))] * 10, documents))
    assert [one.relevant for one in found] == [True, False] * 20
    wrong = [one.document for one in found if one.query == "q1" and not one.relevant]
    assert set(wrong) == {"b x"} and all("a x" != one.document for one in found if one.query == "q0" and not one.relevant)


def test_data_goes_to_files_and_back(tmp_path):
    documents, questions = [Document("课/一", "甲\n乙"), Document("b", "c")], [Question("问", ("b", "课/一"))]
    write_documents(tmp_path, documents)
    write_questions(tmp_path / "train.jsonl", questions)
    assert (read_documents(tmp_path), read_questions(tmp_path / "train.jsonl")) == (documents, questions)


@pytest.mark.parametrize(("file", "content", "message"), [
    ("documents.jsonl", '{"id": "a", "text": "x"}\n{"id": "a", "text": "y"}', "expected an id of its own for each document, found"),
    ("documents.jsonl", '{"id": "a"}', "documents.jsonl:1: expected the field 'text'"),
    ("train.jsonl", '{"query": "x", "relevant": []}', "train.jsonl:1: expected relevant as a list of document ids"),
    ("train.jsonl", '{"query": "x", "relevant": "a"}', "train.jsonl:1: expected relevant as a list of document ids"),
    ("train.jsonl", "", "expected at least one row")])
def test_broken_data_is_told_by_line(tmp_path, file, content, message):
    (tmp_path / file).write_text(content)
    with pytest.raises(EdgeError, match=message):
        read_documents(tmp_path) if file == "documents.jsonl" else read_questions(tmp_path / file)
