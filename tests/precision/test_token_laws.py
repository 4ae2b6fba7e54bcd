"""What holds of likelihoods, KL, agreement and perplexity whatever the models are."""

from __future__ import annotations

import copy
from math import exp, log

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.errors import EdgeError
from pipeline.precision.per_text import PerText
from pipeline.precision.perplexity import perplexities, perplexity
from pipeline.precision.tokens import said
from pipeline.precision.windows import windows

ids = st.lists(st.lists(st.integers(0, 200), min_size=2, max_size=40), min_size=1, max_size=3)


@given(st.integers(0, 300), st.integers(2, 50), st.data())
@settings(deadline=None)
def test_windows_hold_each_token_fresh_once_behind_enough_context(tokens, length, data):
    stride = data.draw(st.integers(1, length - 1))
    found = list(windows(tokens, length, stride))
    assert [place for one in found for place in range(one.fresh, one.end)] == list(range(tokens))
    assert all(0 <= one.start <= one.fresh < one.end <= one.start + length for one in found)
    assert all(one.fresh - one.start >= min(one.fresh, length - stride) for one in found)


@pytest.mark.parametrize(("length", "stride"), [(1, 1), (8, 8), (8, 0)])
def test_windows_without_context_are_refused(length, stride):
    with pytest.raises(EdgeError, match="stride"):
        list(windows(10, length, stride))


@given(ids, st.sampled_from([(512, 256), (16, 5)]))
@settings(max_examples=10, deadline=None)
def test_a_model_is_no_distance_from_itself(model, texts, window):
    read = said(model, model, texts, None, *window)
    assert read.divergence == [0] * len(texts) and read.agreed == read.tokens == [len(text) - 1 for text in texts]
    assert read.likelihood == read.original_likelihood
    assert perplexities(read, 0.95)["ratio"]["value"] == 1


@given(ids)
@settings(max_examples=10, deadline=None)
def test_divergence_is_never_below_nothing_and_there_for_another_model(model, rounded, texts):
    read = said(model, rounded, texts)
    assert all(value > 0 for value in read.divergence)
    assert all(0 <= agreed <= tokens for agreed, tokens in zip(read.agreed, read.tokens, strict=True))


@pytest.mark.parametrize("window", [(512, 256), (16, 5), (2, 1)])
def test_the_perplexity_of_a_uniform_model_is_its_vocabulary(model, window):
    uniform = copy.deepcopy(model)
    with torch.no_grad():
        uniform.model.norm.weight.zero_()
    read = said(model, uniform, [list(range(40)), [1, 2, 3]], None, *window)
    assert perplexity(read.per_text("likelihood")) == pytest.approx(model.config.vocab_size, rel=1e-5)
    assert read.likelihood == pytest.approx([-tokens * log(model.config.vocab_size) for tokens in read.tokens], rel=1e-5)
    assert perplexity(read.per_text("original_likelihood")) != pytest.approx(model.config.vocab_size, rel=1e-2)


def test_likelihoods_are_those_of_transformers(model, rounded):
    texts = [[3, 7, 11, 90, 5, 6], list(range(30, 60))]
    read = said(model, rounded, texts)
    with torch.inference_mode():
        losses = [[float(side(input_ids=(row := torch.tensor([text])), labels=row).loss) for text in texts] for side in (model, rounded)]
    for found, loss in zip((read.original_likelihood, read.likelihood), losses, strict=True):
        assert [-a / n for a, n in zip(found, read.tokens, strict=True)] == pytest.approx(loss, rel=1e-4)
    assert len({round(one, 3) for one in losses[0]}) == 2  # no constant, as a system before this one had


def test_a_token_in_a_later_window_is_scored_behind_its_context(model):
    text, length, stride, score = list(range(50, 80)), 12, 4, 0.0
    for one in windows(len(text), length, stride):
        with torch.inference_mode():
            said_of = torch.log_softmax(model(input_ids=torch.tensor([text[one.start:one.end]])).logits[0], -1)
        score += sum(float(said_of[place - 1 - one.start, text[place]]) for place in range(max(one.fresh, 1), one.end))
    assert said(model, model, [text], None, length, stride).likelihood == pytest.approx([score], rel=1e-4)


def test_the_ratio_is_paired_on_the_same_texts():
    lost = PerText([0.1 * n for n in (10, 20, 30)], [10, 20, 30]).to_json(0.95)
    assert exp(lost["lower"]) == pytest.approx(exp(lost["value"])) == pytest.approx(exp(0.1))  # each text loses alike: nothing is uncertain
    assert PerText([1.0], [10]).to_json(0.95)["lower"] is None  # a single text says nothing about another
