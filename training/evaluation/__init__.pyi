from .bundle_evaluation import evaluate_bundle
from .evaluate import ReportTitles
from .out_of_fold import evaluate_out_of_fold
from .results import Evaluation
from .router_results import Curve, RouterResult

__all__ = [
    "Curve",
    "Evaluation",
    "ReportTitles",
    "RouterResult",
    "evaluate_bundle",
    "evaluate_out_of_fold",
]
