"""lm-evaluation-harness: what was right is what is right, and what cannot be asked says why."""

from __future__ import annotations

import json

import pytest
import torch

from pipeline.errors import EdgeError
from pipeline.precision import harness
from pipeline.precision.answers import Answers, held_against
from pipeline.precision.harness import ask

MMLU = [{"question": f"Is {i} one of these?", "choices": ["one", "two", "three", "four"]} for i in range(6)]


@pytest.fixture
def hub_is_off(monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")


def lines(file, rows):
    file.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return file


def best_letter(model, tokenizer, row):
    """By hand: the letter with the greatest likelihood after the prompt."""
    shown = "\n".join(f"{letter}. {choice}" for letter, choice in zip("ABCD", row["choices"], strict=True))
    prompt = f"{row['question']}\n{shown}\nAnswer:"
    scores = []
    for letter in "ABCD":
        ids, start = tokenizer(f"{prompt} {letter}").input_ids, len(tokenizer(prompt).input_ids)
        with torch.inference_mode():
            logits = torch.log_softmax(model(input_ids=torch.tensor([ids])).logits[0], -1)
        scores.append(sum(float(logits[place - 1, ids[place]]) for place in range(start, len(ids))))
    return "ABCD"[scores.index(max(scores))]


@pytest.mark.slow
def test_a_question_is_right_where_its_letter_is_the_likeliest(merged, model, tmp_path, hub_is_off):
    pytest.importorskip("lm_eval")
    from transformers import AutoTokenizer
    tokenizer = AutoTokenizer.from_pretrained(merged)
    chosen = [best_letter(model, tokenizer, row) for row in MMLU]
    wanted = [1, 0, 1, 1, 0, 1]
    rows = [{**row, "answer": letter if right else "ABCD".replace(letter, "")[0]}
            for row, letter, right in zip(MMLU, chosen, wanted, strict=True)]
    found = ask(merged, {"mmlu": lines(tmp_path / "q.jsonl", rows), "ceval": None}, threads=1)
    assert found["mmlu"].right == wanted and len(set(found["mmlu"].ids)) == 6
    assert "HF_HUB_OFFLINE is set" in found["ceval"].reason


@pytest.mark.slow
@pytest.mark.parametrize(("task", "row"), [
    ("gsm8k", {"question": "How many?", "answer": "It is 1,000 + 80 = 1080\n#### 1,080"}),
    ("cmath", {"input": "多少？", "golden": "1080"})])
def test_the_last_number_that_is_said_counts(task, row, tmp_path):
    pytest.importorskip("lm_eval")
    from lm_eval.api.model import LM

    from pipeline.precision.harness_worker import answers
    said = iter(["1,000 and 80 make 1,080.", "1080 or 1081", "no number", "it is 1080"])

    class Scripted(LM):
        def generate_until(self, requests, **_):
            return [next(said) for _ in requests]

        def loglikelihood(self, requests, **_): ...

        def loglikelihood_rolling(self, requests, **_): ...

    found = answers(Scripted(), harness._local(task, lines(tmp_path / "q.jsonl", [row] * 4)), 10)
    assert found["right"] == [1, 0, 0, 1]


@pytest.mark.parametrize(("content", "why"), [
    ("", "JSON object a line"), ("[1]\n", "no JSON object"), ("{\n", "JSON object a line"), (None, "check the path")])
def test_a_file_that_holds_no_questions_is_a_mistake(content, why, merged, tmp_path, monkeypatch):
    monkeypatch.setattr(harness, "find_spec", lambda _: object())
    file = tmp_path / "q.jsonl"
    if content is not None:
        file.write_text(content)
    with pytest.raises(EdgeError, match=why):
        ask(merged, {"mmlu": file})


def test_what_cannot_be_asked_says_why(merged, tmp_path, monkeypatch, hub_is_off):
    assert "HF_HUB_OFFLINE" in ask(merged, {"mmlu": None})["mmlu"].reason or harness.find_spec("lm_eval") is None
    with pytest.raises(EdgeError, match="ceval, cmath, gsm8k, mmlu"):
        monkeypatch.setattr(harness, "find_spec", lambda _: object())
        ask(merged, {"hellaswag": None})
    monkeypatch.setattr(harness, "find_spec", lambda _: None)
    assert "extra `harness`" in ask(merged, {"mmlu": lines(tmp_path / "q.jsonl", MMLU)})["mmlu"].reason


def test_models_are_held_against_each_other_on_the_same_questions():
    before, after = Answers(list("abcd"), [1, 1, 1, 0]), Answers(list("dcba"), [0, 0, 0, 1])
    found = held_against(before, after, 0.95)
    assert found["loss"]["value"] == 0.5 and found["accuracy"]["value"] == 0.25
    assert found["right"] == {"d": 0, "c": 0, "b": 0, "a": 1}
    assert found["loss"]["p"] == 0.5  # two questions lost and none won; in another order three lost and one won
    with pytest.raises(EdgeError, match="2 that only one has"):
        held_against(before, Answers(list("abce"), [1, 1, 1, 0]), 0.95)
    assert held_against(before, Answers(reason="no hub"), 0.95) == {"reason": "no hub"}
    assert "loss" not in held_against(Answers(reason="no hub"), after, 0.95)
