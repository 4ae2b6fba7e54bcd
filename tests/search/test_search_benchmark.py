"""The benchmarks of the search: samplers replayed on a table whose values are known, and what predictors of layers are worth."""

from __future__ import annotations

import json
import warnings

import optuna
import pytest

from benchmarks.search.__main__ import main
from benchmarks.search.replay import RANDOM, Sampled, replay, table
from benchmarks.search.supernet import drawn, rank
from benchmarks.search.table import OBJECTIVES, SPACE, key_of, read_table
from pipeline.errors import EdgeError
from pipeline.search.space import load_space


def value(params):
    """Loss and size by a formula, so that each way has its price."""
    layers, channels = params.get("layers.fewer.depth.layers", 10), params.get("channels.fewer.channels.keep", 1.0)
    bits = {"int8": 8, "int4": 4}[params["bits"]] + (params.get("bits.int4.int4.embedding") == "int8")
    size = layers / 10 * (0.4 + 0.6 * channels) * bits / 32 + (0.05 if params["vocabulary"] == "whole" else 0.01)
    loss = 0.002 * (10 - layers) + 0.02 * (1 - channels) + 0.01 * (4 / bits) ** 2 + (0.0 if params["vocabulary"] == "whole" else 0.004)
    return [loss, size]


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    """Every point of the benchmark's space."""
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    space, rows = load_space(str(SPACE)), {}

    def judge(trial):
        steps = space.draw(trial).steps
        loss, size = value(trial.params)
        rows[key_of(steps)] = {"steps": steps, "values": [loss, size], "missed": [loss - 0.05, size - 0.5],
                                      "refused": size > 0.28}
        return loss

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        optuna.create_study(sampler=optuna.samplers.BruteForceSampler(seed=0)).optimize(judge)
    file = tmp_path_factory.mktemp("table") / "table.json"
    file.write_text(json.dumps({"objectives": OBJECTIVES, "targets": [0.05, 0.5], "rows": list(rows.values())}))
    return file


def test_more_trials_find_more_of_what_there_is(file):
    found = read_table(file)
    assert len(found.rows) == 120
    few, many = replay(found, [], [1], [10, 100])
    assert 0 < few.shares[0] < many.shares[0] <= 1
    assert found.volume(list(found.rows.values())) == found.best > found.volume(list(found.rows.values())[:20])


def test_random_does_not_differ_from_itself_and_a_sampler_that_learns_does(file):
    rows = replay(read_table(file), ["nsga2"], range(3), [30])
    assert [row.sampler for row in rows] == [RANDOM, "nsga2"]
    assert (rows[0].won, rows[0].lost) == (0, 0) and rows[0].p == 1
    assert rows[1].won + rows[1].lost <= 3 and all(0 < share <= 1 for row in rows for share in row.shares)
    assert "| nsga2 | 30 |" in table(rows)


def test_the_sign_test_knows_a_clear_case_from_a_draw():
    assert Sampled("a", 1, (0.5,) * 10, won=10, lost=0).p < 0.01 < 0.5 < Sampled("a", 1, (0.5,) * 10, won=5, lost=5).p


def test_a_table_with_a_gap_is_not_taken_for_failed_trials(file, tmp_path):
    content = json.loads(file.read_text())
    (broken := tmp_path / "table.json").write_text(json.dumps({**content, "rows": content["rows"][:100]}))
    with pytest.raises(LookupError, match="the table: expected the recipe .*, found none; measure the table again"):
        replay(read_table(broken), [], [1], [60])
    (empty := tmp_path / "empty.json").write_text('{"rows": []}')
    with pytest.raises(EdgeError, match="expected rows of measured points, found none; run python -m benchmarks.search table"):
        read_table(empty)


@pytest.mark.parametrize(("figures", "tau", "regret"), [([1, 2, 3, 4], 1, 0), ([4, 3, 2, 1], -1, 0.9), ([1, 2, 4, 3], 2 / 3, 0)])
def test_what_a_predictor_of_layers_is_worth(figures, tau, regret):
    """Kendall's tau by hand; the regret is of the choice that the predictor puts first."""
    found = rank(3, "it", figures, [0.1, 0.2, 0.5, 1.0])
    assert found.tau == pytest.approx(tau) and found.lower <= found.tau + 1e-9 <= found.upper + 2e-9 and found.choices == 4
    assert found.regret == pytest.approx(regret)


def test_choices_of_layers_are_different_and_real_ones():
    assert drawn(4, 2, 6, seed=1) == [(0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3)] == drawn(4, 2, 100, seed=1)
    some = drawn(10, 3, 50, seed=1)
    assert len(set(some)) == 50 and some == drawn(10, 3, 50, seed=1) != drawn(10, 3, 50, seed=2)
    assert all(len(set(kept)) == 3 and list(kept) == sorted(kept) and set(kept) <= set(range(10)) for kept in some)
    with pytest.raises(EdgeError, match="--layers: expected fewer than the model's 10, found 10; lower it"):
        drawn(10, 10, 2, seed=1)


@pytest.mark.parametrize(("options", "said"), [
    (["replay", "--seeds", "0"], "argument --seeds: expected at least 1, found 0"),
    (["supernet", "--choices", "1"], "argument --choices: expected at least 2, found 1"),
    (["replay", "--table", "nowhere/table.json"], "expected a directory with a table of measured points, found none at nowhere"),
])
def test_what_cannot_be_run_is_one_line(options, said, monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["benchmarks.search", *options])
    try:
        code = main()
    except SystemExit as ended:
        code = ended.code
    assert code == 2 and said in capsys.readouterr().err
