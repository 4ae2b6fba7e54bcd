from __future__ import annotations

import json
import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.edge.constraint import for_schema, for_tools, grammar_tokenizer
from pipeline.edge.decoding import LENGTH, STOP, Sampling, decode
from pipeline.errors import EdgeError
from pipeline.runtime.generator import open_generator
from pipeline.runtime.prompt import read_tokenizer
from pipeline.runtime.torch_runtime import load_model
from tests.runtime.random_model import RandomModel

PROMPT = [5, 6, 7, 8, 9]
TOOLS = [{"type": "function", "function": {"name": name, "parameters": {"properties": {"x": {"type": "string"}}}}}
         for name in ("one", "two")]


@pytest.fixture(scope="module")
def tokenizer(merged):
    return read_tokenizer(merged)


@pytest.fixture(scope="module")
def grammar(tokenizer):
    return grammar_tokenizer(tokenizer, tokenizer.token_to_id("<|im_end|>"))


@pytest.fixture()
def generator(generator_fp32):
    return open_generator(generator_fp32, 1)


def test_greedy_is_what_transformers_generates(merged, generator, tokenizer):
    model = load_model(merged)
    for start in range(5):
        ids = [start + 1, *PROMPT]
        expected = model.generate(torch.tensor([ids]), max_new_tokens=20, do_sample=False, eos_token_id=None, pad_token_id=0)[0, len(ids):]
        decoding = decode(generator, ids, tokenizer=tokenizer, max_tokens=20, stop_ids=())
        assert [token.id for token in decoding] == expected.tolist() and decoding.finish == LENGTH


def test_a_stop_token_ends_and_is_not_shown(generator, tokenizer):
    ids = [token.id for token in decode(generator, PROMPT, tokenizer=tokenizer, max_tokens=20, stop_ids=())]
    stop = next(i for i in ids[3:] if i not in ids[:3])
    decoding = decode(generator, PROMPT, tokenizer=tokenizer, max_tokens=20, stop_ids=[stop])
    assert decoding.finish is None
    assert [token.id for token in decoding] == ids[: ids.index(stop)]
    assert decoding.finish == STOP and list(decoding) == [] and decoding.finish == STOP


def test_an_answer_ends_where_the_model_does(generator, tokenizer):
    for length in (60, 63, 64):
        decoding = decode(generator, [1] * length, tokenizer=tokenizer, max_tokens=1000, stop_ids=())
        assert len(list(decoding)) == 65 - length and decoding.finish == LENGTH


def test_logprobs_are_those_of_the_model(merged, generator, tokenizer):
    tokens = list(decode(generator, PROMPT, tokenizer=tokenizer, max_tokens=6, stop_ids=(), top_logprobs=3))
    with torch.inference_mode():
        logits = load_model(merged)(input_ids=torch.tensor([PROMPT + [token.id for token in tokens]])).logits[0]
    expected = logits[len(PROMPT) - 1 : -1].log_softmax(-1)
    for token, row in zip(tokens, expected, strict=True):
        best = row.topk(3)
        assert token.logprob == pytest.approx(float(row[token.id]), abs=1e-4)
        assert [i for i, _ in token.top] == best.indices.tolist() and token.top[0] == (token.id, token.logprob)
        assert [value for _, value in token.top] == pytest.approx(best.values.tolist(), abs=1e-4)


def test_under_a_constraint_a_logprob_is_among_what_it_allows(tokenizer, grammar):
    decoding = decode(RandomModel(0, 400), PROMPT, tokenizer=tokenizer, max_tokens=100, stop_ids=(), top_logprobs=20,
                      constraint=for_schema(grammar, {"enum": ["a", "b"]}))
    tokens = list(decoding)
    assert "".join(token.text for token in tokens) in ('"a"', '"b"') and decoding.finish == STOP
    chosen = [token for token in tokens if token.logprob != 0]
    assert len(chosen) == 1 and {i for i, _ in chosen[0].top} == {tokenizer.token_to_id(character) for character in "ab"}
    assert chosen[0].top[0] == (chosen[0].id, chosen[0].logprob)
    assert sum(math.exp(value) for _, value in chosen[0].top) == pytest.approx(1)


def test_what_is_forced_is_read_in_one_step_with_what_came_before(tokenizer, grammar):
    model = RandomModel(0, 400)
    tokens = list(decode(model, PROMPT, tokenizer=tokenizer, max_tokens=100, stop_ids=(), constraint=for_tools(grammar, TOOLS, "北")))
    ids, asked = PROMPT + [token.id for token in tokens], sum(token.logprob != 0 for token in tokens)
    read = [i for step in model.read for i in step]
    assert read == ids[: len(read)] and len(read) > len(PROMPT)
    assert asked <= len(model.read) <= 5 < len(tokens)


def test_a_constraint_that_forces_everything_never_asks(tokenizer, grammar):
    model = RandomModel(0, 400)
    decoding = decode(model, PROMPT, tokenizer=tokenizer, max_tokens=100, stop_ids=(), constraint=for_schema(grammar, {"const": [1, "x"]}))
    assert "".join(token.text for token in decoding) == '[1, "x"]' and model.read == [] and decoding.finish == STOP


@pytest.mark.parametrize("most", range(1, 13))
def test_what_is_cut_off_says_so(tokenizer, grammar, most):
    """The whole is 8 tokens of this tokenizer; those that are forced count as well."""
    decoding = decode(RandomModel(0, 400), PROMPT, tokenizer=tokenizer, max_tokens=most, stop_ids=(),
                      constraint=for_schema(grammar, {"const": "abcdef"}))
    text = "".join(token.text for token in decoding)
    assert (decoding.finish == STOP) == (text == '"abcdef"') == (most >= 8)


def test_the_real_model_writes_a_call_that_is_read(generator_int8, tokenizer, grammar):
    generator = open_generator(generator_int8, 1)
    calls = [decode(generator, PROMPT, tokenizer=tokenizer, max_tokens=60, stop_ids=(), constraint=for_tools(grammar, TOOLS, "北"))
             for _ in range(2)]
    first, second = ("".join(token.text for token in call) for call in calls)
    assert first == second and json.loads(first)["name"] in ("one", "two")


@settings(max_examples=50)
@given(st.floats(0.1, 3), st.floats(0.01, 1), st.integers(0, 2**32))
def test_the_same_seed_writes_the_same(tokenizer, temperature, top_p, seed):
    answers = [[token.id for token in decode(RandomModel(1, 50), PROMPT, tokenizer=tokenizer, max_tokens=20, stop_ids=(),
                                             sampling=Sampling(temperature, top_p, seed))] for _ in range(2)]
    assert answers[0] == answers[1]


class Fixed(RandomModel):
    def feed(self, ids):
        self.logits = np.log(np.array([0.5, 0.25, 0.15, 0.1], np.float32))


@pytest.mark.parametrize(("sampling", "expected"), [
    (Sampling(1.0, 1.0, 1), [0.5, 0.25, 0.15, 0.1]), (Sampling(1.0, 0.7, 2), [2 / 3, 1 / 3, 0, 0]), (Sampling(1.0, 0.5, 3), [1, 0, 0, 0]),
    (Sampling(0.5, 1.0, 4), [0.7246, 0.1812, 0.0652, 0.029]), (Sampling(0.0, 1.0, 5), [1, 0, 0, 0]), (Sampling(1.0, 1e-9, 6), [1, 0, 0, 0]),
    (Sampling(1e-320, 1.0, 7), [1, 0, 0, 0])])
def test_tokens_are_drawn_with_their_probability(tokenizer, sampling, expected):
    drawn = [token.id for token in decode(Fixed(0, 4), PROMPT, tokenizer=tokenizer, max_tokens=4000, stop_ids=(), sampling=sampling)]
    shares = np.bincount(drawn, minlength=4) / len(drawn)
    np.testing.assert_allclose(shares, expected, atol=0.04)


@pytest.mark.parametrize("values", [(-1, 1), (math.nan, 1), (math.inf, 1), (1, 0), (1, 1.1), (1, math.nan), (1, 1, -1)])
def test_sampling_that_makes_no_sense_is_one_line(values):
    with pytest.raises(EdgeError, match="expected a temperature of 0 or more"):
        Sampling(*values)


@pytest.mark.parametrize(("ids", "more", "found"), [([], {}, "found 0"), ([1] * 65, {}, "found 65"), ([999], {}, "found 999"),
                                                    ([1], {"max_tokens": 0}, "found 0 and 0"), ([1], {"top_logprobs": -1}, "and -1")])
def test_what_cannot_be_decoded_is_one_line_before_the_first_token(generator, tokenizer, ids, more, found):
    with pytest.raises(EdgeError, match=found):
        decode(generator, ids, **{"tokenizer": tokenizer, "max_tokens": 5, "stop_ids": (), **more})


def test_logits_that_are_no_numbers_are_one_line(tokenizer):
    class Broken(RandomModel):
        def feed(self, ids):
            self.logits = np.full(4, np.nan, np.float32)

    with pytest.raises(EdgeError, match="expected finite logits"):
        list(decode(Broken(0, 4), PROMPT, tokenizer=tokenizer, max_tokens=5, stop_ids=()))
