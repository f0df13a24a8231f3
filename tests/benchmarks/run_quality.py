"""Quality on public outcome data beside all baselines: same folds, same run (ARGS="--data FOLDER").

The folder holds the Parquet files that data/README.md describes; they are not part of the repository. The output is
Markdown, so that it can be recorded as it is.
"""

from __future__ import annotations

import argparse
import time
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from serving.decision.types import FloatArray, Price
from tests.benchmarks.reference_learner import EconmlReference
from tests.benchmarks.whole_teacher import embeddings
from training.dataset.arm_inference import infer_arms
from training.dataset.dataset import Dataset, build_dataset
from training.encoders.design_matrix import design_rows
from training.encoders.static import build_static
from training.evaluation.baselines import RouterSample, cross_fitted
from training.evaluation.evaluate import ReportTitles
from training.evaluation.out_of_fold import evaluate_out_of_fold
from training.evaluation.results import Evaluation
from training.evaluation.router_results import RouterResult
from training.metrics.bootstrap import Interval
from training.models.fit import Fitted, fit
from training.pipeline.train import TrainSettings
from training.records.history import read

FILES = (
    "reasoning_gym_maverick_o3mini",
    "reasoning_gym_sonnet35_r1",
    "medagents_deepseek_v3_r1",
    "medagents_gpt4o_o3mini",
)
CACHE = Path("var/cache")
LIST_PRICES = {
    "DeepSeek-V3": Price(input=0.27, cached_input=0.07, output=1.10),
    "DeepSeek-R1": Price(input=0.55, cached_input=0.14, output=2.19),
}
"""USD per million tokens, DeepSeek's list of February 2025 by day. The price book knows one of the two under the name
that the data have, and gives the discount of the hour in which the benchmark runs."""


@dataclass(frozen=True, slots=True)
class Pair:
    """One file: its prompts, what ours reads, and what the whole MiniLM makes of them."""

    name: str
    dataset: Dataset
    x: FloatArray
    features: FloatArray
    minilm: FloatArray

    @staticmethod
    def of(path: Path) -> Pair:
        """Read and encode."""
        frame = read(str(path)).frame
        dataset = build_dataset(frame, [replace(arm, price=LIST_PRICES.get(arm.model)) for arm in infer_arms(frame)])
        encoder = build_static(None, dataset.requests, CACHE)
        x = design_rows(encoder, dataset.requests)
        return Pair(path.stem, dataset, x, x[:, 2 * encoder.dims :], embeddings(dataset.requests, CACHE))

    def sample(self, embedding: FloatArray) -> RouterSample:
        """What a baseline reads."""
        whole = np.asarray(embedding, np.float64), np.asarray(self.features, np.float64)
        return RouterSample(whole[0], self.dataset.success, self.dataset.tasks, whole[1])


def main() -> None:
    """Measure every pair that is there."""
    warnings.simplefilter("ignore")
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data/public"))
    parser.add_argument("--only", default="", help="part of a file's name")
    options = parser.parse_args()
    shares = []
    for name in FILES:
        path = options.data / f"{name}.parquet"
        if options.only in name and path.exists():
            pair = Pair.of(path)
            result = _pair(pair)
            if "reasoning_gym" in name:
                shares.append({router.name: router.oracle_share for router in result.routers})
    if len(shares) > 1:
        _say("## Mean of the Reasoning Gym pairs\n")
        _table(("router", "share of the oracle's area"), [(name, _mean(shares, name)) for name in shares[0]])


def _pair(pair: Pair) -> Evaluation:
    start = time.perf_counter()
    fitted = fit(pair.dataset, pair.x)
    seconds = time.perf_counter() - start
    reference = cross_fitted(EconmlReference(), pair.sample(pair.x), fitted.fold)
    titles = ReportTitles(pair.name, pair.name, synthetic=False)
    result = evaluate_out_of_fold(
        titles,
        pair.dataset,
        fitted,
        pair.minilm,
        pair.features,
        TrainSettings(),
        embedding_name="MiniLM",
        others=(reference,),
        x=pair.x,
    )
    _say(f"## {pair.name}: {result.prompts} prompts, 5-fold by prompt, fit in {seconds:.0f} s\n")
    _say("Learners by cross-validated policy value: " + _values(fitted) + ".\n")
    _routers(result.routers, priced=result.priced)
    _rules(result)
    _forecasts(result)
    _say(f"Certificate: {result.certificate}\n")
    _unseen(result)
    return result


def _routers(routers: Sequence[RouterResult], *, priced: bool) -> None:
    head = ["router", "share of the oracle's area", "thinkgate ahead by", "calls at equal quality"]
    head += ["USD per 1,000 successes there", "dearer than thinkgate by"] if priced else []
    rows = []
    for router in routers:
        equal = router.equal_quality
        row = [router.name, str(router.oracle_share), str(router.ahead or ""), f"{equal.calls.value:.0%}"]
        if priced:
            row += [_thousand(equal.cost_per_success_usd), _thousand(router.cheaper_usd)]
        rows.append(tuple(row))
    _table(tuple(head), rows)


def _rules(result: Evaluation) -> None:
    rows = [(rule.name, str(rule.success), _thousand(rule.cost_per_success_usd)) for rule in result.rules]
    _table(("rule", "success", "USD per 1,000 successes"), rows)


def _forecasts(result: Evaluation) -> None:
    rows = [(f"calibration error of success, {one.arm}", str(one.ece), "") for one in result.calibration]
    rows += [
        (f"p95 of {one.quantity}, {one.arm}: coverage", str(one.coverage), str(one.rank_correlation or ""))
        for one in result.forecasts
    ]
    _table(("figure", "value", "rank correlation of the mean"), rows)


def _unseen(result: Evaluation) -> None:
    if result.unseen is None:
        return
    _say(f"### {result.title}, task types that were never seen (intervals over {result.unseen.drawn})\n")
    rows = [(one.name, str(one.oracle_share)) for one in result.unseen.routers]
    _table(("router", "share of the oracle's area"), rows)
    if result.unseen.separation:
        _say(f"Support, AUROC of unseen against seen task types: {result.unseen.separation.auroc}\n")


def _values(fitted: Fitted) -> str:
    return ", ".join(f"{learner.name} {learner.value:.4f}" for learner in fitted.learners)


def _mean(shares: Sequence[dict[str, Interval | None]], name: str) -> str:
    values = [getattr(share[name], "value", np.nan) for share in shares]
    return f"{np.mean(values):.3f}"


def _thousand(usd: object) -> str:
    if usd is None:
        return ""
    value, lower, upper = (1000 * getattr(usd, end) for end in ("value", "lower", "upper"))
    return f"{value:.3f} [{lower:.3f}, {upper:.3f}]"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    _say("| " + " | ".join(head) + " |")
    _say("|" + "---|" * len(head))
    for row in rows:
        _say("| " + " | ".join(row) + " |")
    _say("")


def _say(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    main()
