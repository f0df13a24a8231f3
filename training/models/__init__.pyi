from .boosting import Objective, TreeSettings, folds_of, parameters, raw_scores, sigmoid
from .consumption import hidden_shares
from .fit import ONE_THREAD, STANDARD, FitSettings, Fitted, fit
from .fitted_model import Components, FittedModel, PiecewiseLinear, QuantityHead, SupportHead, TaskHead, TreeHead
from .meta_learners import Learner, Scores
from .support import fit_components, fit_support, support_of
from .targets import (
    SHARED_AT_MOST,
    GlobalCounts,
    HeadSpec,
    HeadTrainer,
    OutOfFold,
    PseudoOutcomes,
    TrainerFactory,
    head_target,
    shared_tree_settings,
    stacked_rows,
    uplift_targets,
)
from .tuning import tune
from .uplift import cross_fit, fit_feature_only_heads, fit_heads

__all__ = [
    "ONE_THREAD",
    "SHARED_AT_MOST",
    "STANDARD",
    "Components",
    "FitSettings",
    "Fitted",
    "FittedModel",
    "GlobalCounts",
    "HeadSpec",
    "HeadTrainer",
    "Learner",
    "Objective",
    "OutOfFold",
    "PiecewiseLinear",
    "PseudoOutcomes",
    "QuantityHead",
    "Scores",
    "SupportHead",
    "TaskHead",
    "TrainerFactory",
    "TreeHead",
    "TreeSettings",
    "cross_fit",
    "fit",
    "fit_components",
    "fit_feature_only_heads",
    "fit_heads",
    "fit_support",
    "folds_of",
    "head_target",
    "hidden_shares",
    "parameters",
    "raw_scores",
    "shared_tree_settings",
    "sigmoid",
    "stacked_rows",
    "support_of",
    "tune",
    "uplift_targets",
]
