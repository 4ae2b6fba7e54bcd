"""The space whose layers a supernet picks: every trial begins with one and the same artifact."""

from __future__ import annotations

import json

import optuna

from pipeline.search.space import checked_recipe, load_space, recipe_text

TRIALS = 30


def test_each_trial_is_a_recipe_and_all_share_one_supernet(tmp_path):
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    space, drawn = load_space("supernet"), []

    def judge(trial):
        drawn.append(checked_recipe(recipe_text(space.draw(trial)), tmp_path))
        return 0.0

    optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=1)).optimize(judge, n_trials=TRIALS)
    picked = [recipe.steps for recipe in drawn if recipe.steps[0].name == "supernet"]
    assert len(drawn) == TRIALS and TRIALS / 4 < len(picked) < TRIALS
    assert len({json.dumps(steps[0].settings.model_dump()) for steps in picked}) == 1
    assert {steps[1].settings.method for steps in picked} == {"exchange"} and len({steps[1].settings.keep for steps in picked}) > 2
