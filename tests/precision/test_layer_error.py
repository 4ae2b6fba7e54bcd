"""Weights and layers: what is the same is found the same, and what was changed is found where it was changed."""

from __future__ import annotations

import copy

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.precision.layers import Apart, LayersApart, weights_apart
from pipeline.precision.tokens import said

TEXTS = [[1, 2, 3, 4, 5, 6, 7, 8], [90, 80, 70]]


def read(exact, found, **window):
    layers = LayersApart(exact, found)
    said(exact, found, TEXTS, layers, **window)
    return layers.to_json()


@pytest.mark.parametrize("window", [{}, {"length": 4, "stride": 2}])
def test_the_same_model_is_nowhere_apart(model, window):
    assert all(layer[kind] == {"cosine": 1, "error": 0} for layer in read(model, model, **window) for kind in ("alone", "through"))
    assert weights_apart(model, model) == {}


def test_a_changed_layer_is_the_one_that_is_found(model):
    other = copy.deepcopy(model)
    with torch.no_grad():
        other.model.layers[0].mlp.down_proj.weight.mul_(1.5)
    first, second = read(model, other)
    assert first["alone"] == pytest.approx(first["through"]) and first["alone"]["cosine"] < 1
    assert second["alone"] == {"cosine": 1, "error": 0}  # by itself it is what it was
    assert second["through"]["error"] > 0  # but it hears what the first one did
    assert weights_apart(model, other) == {"model.layers.0.mlp.down_proj.weight": pytest.approx({"cosine": 1, "error": 0.5}, abs=1e-6)}


def test_each_token_counts_once_in_windows_that_overlap(model, rounded):
    layers = LayersApart(model, rounded)
    said(model, rounded, TEXTS, layers, length=4, stride=1)
    assert {apart.vectors for apart in (*layers.alone, *layers.through)} == {sum(map(len, TEXTS))}


def test_no_hook_stays(model, rounded):
    read(model, rounded)
    assert not any(layer._forward_hooks for side in (model, rounded) for layer in side.model.layers)


floats = st.floats(-100, 100, width=32)


@given(st.lists(st.lists(floats, min_size=3, max_size=3), min_size=1, max_size=5), st.floats(0.125, 8, width=32))
@settings(deadline=None)
def test_scaling_keeps_the_direction_and_is_the_error(rows, factor):
    exact = torch.tensor(rows, dtype=torch.float64)
    apart = Apart()
    apart.add(exact, exact * factor)
    assert apart.vectors == int((exact.norm(dim=-1) > 0).sum())
    if apart.vectors:
        assert apart.to_json() == pytest.approx({"cosine": 1, "error": abs(factor - 1)}, abs=1e-9)
