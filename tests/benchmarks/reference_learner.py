"""econml's DRLearner as one more router to compare with: the reference implementation of what ours does itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import lightgbm as lgb
import numpy as np
from econml.dr import DRLearner
from sklearn.dummy import DummyClassifier

from training.evaluation.baselines import RouterSample, Scorer
from training.models.boosting import TreeSettings


@dataclass(frozen=True, slots=True)
class EconmlReference:
    """DRLearner on design rows, with LightGBM of the same size as ours for outcome and effect.

    Paired prompts enter once per arm, as if each call were a unit drawn with even odds; both calls of a prompt stay in
    the same fold of econml's cross-fit.
    """

    name: str = "econml DRLearner on our design rows"
    trees: TreeSettings = TreeSettings()
    threads: int = 1

    def fit(self, train: RouterSample) -> Scorer:
        """Fit on every observed call."""
        prompt, arm = np.nonzero(np.isfinite(train.success))
        learner = DRLearner(
            model_propensity=DummyClassifier(strategy="prior"),
            model_regression=self._trees(),
            model_final=self._trees(),
            cv=3,
            random_state=0,
        )
        learner.fit(train.success[prompt, arm], arm, X=train.embedding[prompt], groups=prompt, cache_values=False)
        arms = range(1, train.success.shape[1])

        def score(sample: RouterSample) -> np.ndarray[Any, np.dtype[np.float64]]:
            effects = [np.asarray(learner.effect(sample.embedding, T0=0, T1=arm), np.float64).ravel() for arm in arms]
            return np.column_stack(effects)

        return score

    def _trees(self) -> lgb.LGBMRegressor:
        trees = self.trees
        return lgb.LGBMRegressor(
            n_estimators=trees.rounds,
            num_leaves=trees.leaves,
            learning_rate=trees.learning_rate,
            colsample_bytree=trees.feature_fraction,
            subsample=trees.bagging_fraction,
            subsample_freq=1,
            reg_lambda=trees.l2,
            min_child_samples=trees.min_rows,
            max_bin=trees.max_bin,
            random_state=0,
            n_jobs=self.threads,
            verbosity=-1,
        )
