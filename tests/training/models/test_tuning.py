"""The search for trees keeps its bounds, and gives the default back where nothing beats it."""

from __future__ import annotations

import numpy as np

from tests.support.toy_datasets import chances, dataset, toy_rows
from training.models.boosting import TreeSettings
from training.models.fit import FitSettings
from training.models.tuning import LEAVES, tune

POOR = FitSettings(trees=TreeSettings(rounds=60, leaves=7, bags=1, learning_rate=0.01, feature_fraction=0.2), threads=1)


def test_poor_trees_are_improved_within_the_price_of_a_decision() -> None:
    rng = np.random.default_rng(0)
    x = toy_rows(500, rng)
    tuned = tune(dataset(chances(x), rng), x, POOR, 5.0, most_trials=5)
    assert tuned.trials == 5
    assert tuned.value > tuned.default_value
    assert tuned.trees != POOR.trees
    assert tuned.trees.rounds * tuned.trees.leaves * tuned.trees.bags <= LEAVES


def test_the_default_alone_is_kept_as_it_is() -> None:
    rng = np.random.default_rng(1)
    x = toy_rows(200, rng)
    tuned = tune(dataset(chances(x), rng), x, POOR, 5.0, most_trials=1)
    assert tuned.trees == POOR.trees
    assert tuned.value == tuned.default_value
