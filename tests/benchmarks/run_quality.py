"""Quality on public outcome data beside all baselines, same folds, same run; `make bench-quality DATA=folder`.

The folder holds the Parquet files that data/README.md describes; they are not part of the repository.
"""

from __future__ import annotations

import argparse
import time
import warnings
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from serving.decision.types import FloatArray
from training.appraisal import appraise
from training.boosting import raw, sigmoid
from training.curves import Outcomes, Router, oracle_share
from training.dataset import Dataset, build, default_arms, split_by_task
from training.encoder import build_static, design
from training.evaluation import Titles
from training.figures import Evaluation
from training.fit import FitSettings, Fitted, fit
from training.history import read
from training.model import Array
from training.pipeline import TrainSettings
from training.reliability import auroc
from training.support import similarity
from training.transformer import build_transformer

FILES = (
    "reasoning_gym_maverick_o3mini",
    "reasoning_gym_sonnet35_r1",
    "medagents_deepseek_v3_r1",
    "medagents_gpt4o_o3mini",
)
CACHE = Path("var/cache")


def main() -> None:
    """Measure every pair that is there."""
    warnings.simplefilter("ignore")
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data/public"))
    parser.add_argument("--only", default="", help="part of a file's name")
    options = parser.parse_args()
    console = Console(width=140)
    for name in FILES:
        path = options.data / f"{name}.parquet"
        if options.only in name and path.exists():
            _pair(console, name, path)


def _pair(console: Console, name: str, path: Path) -> None:
    frame = read(str(path)).frame
    dataset = build(frame, default_arms(frame))
    encoder = build_static(None, dataset.requests, CACHE)
    x = design(encoder, dataset.requests)
    start = time.perf_counter()
    fitted = fit(dataset, x)
    seconds = time.perf_counter() - start
    teacher = _minilm(dataset, name)
    titles = Titles(name, str(path.name), synthetic=False)
    features = x[:, 2 * encoder.dims :]
    result = appraise(titles, dataset, fitted, teacher, features, TrainSettings(), embedding_name="MiniLM")
    _print(console, result, seconds)
    if len({str(task) for task in dataset.tasks}) >= 10:
        _unseen(console, dataset, x)


def _minilm(dataset: Dataset, name: str) -> FloatArray:
    """Embed with the whole teacher, once: it takes minutes."""
    encoder = build_transformer(None, CACHE)
    kept = CACHE / f"minilm-{name}-{encoder.digest[:12]}-{len(dataset)}.npy"
    if kept.exists():
        return np.asarray(np.load(kept, allow_pickle=False), np.float32)
    embedding = design(encoder, dataset.requests)[:, : encoder.dims]
    np.save(kept, embedding, allow_pickle=False)
    return embedding


def _print(console: Console, result: Evaluation, seconds: float) -> None:
    table = Table(title=f"{result.title}: {result.prompts} prompts, 5-fold by prompt, fit {seconds:.0f} s")
    for column in (
        "router",
        "share of oracle's area",
        "thinkgate ahead by",
        "calls at equal quality",
        "USD per 1,000 successes",
    ):
        table.add_column(column, justify="left" if column == "router" else "right")
    for router in result.routers:
        equal = router.equal_quality
        usd = equal.cost_per_success_usd
        table.add_row(
            router.name,
            str(router.oracle_share),
            "" if router.ahead is None else str(router.ahead),
            f"{equal.calls.value:.0%}",
            "" if usd is None else f"{1000 * usd.value:.3f} [{1000 * usd.lower:.3f}, {1000 * usd.upper:.3f}]",
        )
    console.print(table)
    for calibration in result.calibration:
        console.print(f"ECE {calibration.arm}: {calibration.ece}", highlight=False)
    for forecast in result.forecasts:
        console.print(
            f"{forecast.quantity} {forecast.arm}: p95 covers {forecast.coverage}, "
            f"rank correlation {forecast.rank_correlation}",
            highlight=False,
        )
    console.print(f"certificate: {result.certificate}\n", highlight=False)


def _unseen(console: Console, dataset: Dataset, x: FloatArray) -> None:
    """Leave task types out, five at a time folds; score and support of what was never seen."""
    score = np.empty((len(dataset), len(dataset.arms) - 1))
    unseen_support, seen_support = np.empty(len(dataset)), []
    rng = np.random.default_rng(0)
    for split in split_by_task(dataset, 5, rng):
        inner = rng.permutation(split.train)
        held, train = np.sort(inner[: len(inner) // 5]), np.sort(inner[len(inner) // 5 :])
        fitted = fit(dataset.subset(train), x[train], FitSettings())
        score[split.test] = _uplift(fitted, x[split.test])
        head = fitted.model.support
        unseen_support[split.test] = head.map(similarity(head, x[split.test]))
        seen_support.append(head.map(similarity(head, x[held])))
    share = oracle_share(Outcomes(dataset.success), Router.from_uplift("ours", score))
    separation = auroc(unseen_support, np.concatenate(seen_support))
    console.print(f"leave-tasks-out: share of oracle's area {share:.3f}; support AUROC {separation}\n", highlight=False)


def _uplift(fitted: Fitted, x: FloatArray) -> Array:
    model = fitted.model
    chance = [sigmoid(raw(head.score, x)) for head in model.success]
    columns = []
    for j, head in enumerate(model.uplift):
        value = head.success_weight * (chance[j + 1] - chance[0])
        columns.append(value if head.direct is None else value + raw(head.direct, x))
    return np.column_stack(columns)


if __name__ == "__main__":
    main()
