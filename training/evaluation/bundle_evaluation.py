"""Uses a finished bundle offline: judge it on records, score prompts, decide one prompt."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from serving.decision.bundle.loader import Bundle, load_bundle
from serving.decision.conversation import from_prompt
from serving.decision.engine import Engine
from serving.decision.policy.arms import load_arms
from serving.decision.policy.policy import Policy
from serving.decision.policy.policy_file import load_policy
from serving.decision.types import Decision, Prediction, Request, Usd
from training.dataset.aggregation import distinct_prompts
from training.dataset.dataset import Dataset, build_dataset
from training.encoders.design_matrix import CACHE, design_rows
from training.encoders.static import build_static
from training.evaluation.baselines import RouterSample
from training.evaluation.evaluate import ReportTitles, evaluate_model
from training.evaluation.logged_history import logged_values
from training.evaluation.out_of_fold import LOGGED_NOTES, OURS, call_costs, target_policies
from training.evaluation.policy_simulation import simulate_policy
from training.evaluation.results import ConsumptionForecast, Evaluation, HeldOut, UnseenTasks
from training.evaluation.rivals import fit_baselines
from training.explain.explain import Explained
from training.explain.explain import explain_decision as explained
from training.metrics.cost_quality import RealisedOutcomes, Router
from training.metrics.off_policy import LoggedTraffic, doubly_robust_success
from training.models.boosting import folds_of
from training.models.fit import ONE_THREAD
from training.progress import Progress, silent
from training.records.history import History, read, require_rows
from training.types import Array

BATCH = 512
MINIMUM_JUDGED = 20
"""Fewer labelled prompts tell nothing."""
RIVALS_HERE = (
    "The comparison routers were learnt by cross-validation on these very records, which the bundle "
    "has never seen: that is an advantage for them."
)


@dataclass(frozen=True, slots=True)
class EvaluatedBundle:
    """An evaluation and the records behind it."""

    history: History
    evaluation: Evaluation


def evaluate_bundle(
    bundle: Path, data: Sequence[str], quarantine: Path, progress: Progress = silent, *, cache: Path = CACHE
) -> EvaluatedBundle:
    """Evaluate a bundle on records; rows that can't be used go to `quarantine`.

    Raises
    ------
    BundleRefused, BadHistory
        Each message names the cure.
    """
    model = load_bundle(bundle)
    history = read(data, arms=model.arms, quarantine=quarantine, progress=progress)
    require_rows(history)
    dataset = build_dataset(history.frame, model.arms, minimum=MINIMUM_JUDGED)
    predicted = list(predictions(model, dataset.requests, progress))
    success = _column(predicted, "success")
    tokens = _column(predicted, "output_tokens_mean")
    outcomes = RealisedOutcomes(_truth(dataset, success), call_costs(dataset, tokens), realised=dataset.is_paired)
    picked = simulate_policy(model.arms, model.tasks, dataset.requests, predicted)
    known = np.array([task is not None and str(task) in model.tasks for task in dataset.tasks])
    support = np.array([row.support for row in predicted])
    held_out = HeldOut(
        arms=tuple(arm.name for arm in model.arms),
        outcomes=outcomes,
        success=success,
        observed=None if dataset.is_paired else dataset.success,
        tasks=dataset.tasks if any(task is not None for task in dataset.tasks) else None,
        support=support[known],
        buckets=None if picked is None else picked.buckets,
        chosen=None if picked is None else picked.arm,
        consumption=_consumption(dataset, predicted),
    )
    titles = ReportTitles(f"Bundle {model.bundle_id[:12]} judged", ", ".join(data), history.synthetic)
    routers = (Router.from_uplift(OURS, _column(predicted, "uplift")), *_rivals(dataset, outcomes, cache, progress))
    progress("intervals", 0, 0)
    unseen = _unseen(dataset, outcomes, routers, support, known) if model.tasks else None
    found = evaluate_model(titles, held_out, routers, unseen=unseen)
    if dataset.is_paired:
        return EvaluatedBundle(history, replace(found, notes=(RIVALS_HERE,)))
    values = logged_values(dataset, success, target_policies(held_out))
    notes = (*LOGGED_NOTES, *values.notes, RIVALS_HERE)
    return EvaluatedBundle(history, replace(found, policies=values.policies, notes=notes))


def _rivals(dataset: Dataset, outcomes: RealisedOutcomes, cache: Path, progress: Progress) -> tuple[Router, ...]:
    """Learn the comparison routers by cross-validation on these very records, which is an advantage over the bundle."""
    encoder = build_static(None, dataset.requests, cache, progress=progress)
    x = design_rows(encoder, dataset.requests, progress)
    embedding, features = (np.asarray(part, np.float64) for part in (x[:, : encoder.dims], x[:, 2 * encoder.dims :]))
    tasks = dataset.tasks if any(task is not None for task in dataset.tasks) else None
    fold = folds_of(dataset.tasks, min(5, len(dataset)), np.random.default_rng(0))
    with threadpool_limits(1, ONE_THREAD):
        return fit_baselines(
            RouterSample(embedding, outcomes.success, tasks, features), fold, "static embedding", progress
        )


def _unseen(
    dataset: Dataset, outcomes: RealisedOutcomes, routers: tuple[Router, ...], support: Array, known: NDArray[np.bool_]
) -> UnseenTasks | None:
    """Take the prompts apart whose task type the bundle has never seen; None without enough of both."""
    lost = ~known & np.array([task is not None for task in dataset.tasks])
    if min(lost.sum(), known.sum()) < MINIMUM_JUDGED:
        return None
    arms = [None if router.arm is None else router.arm[lost] for router in routers]
    part = tuple(Router(r.name, r.score[lost], arm) for r, arm in zip(routers, arms, strict=True))
    success = RealisedOutcomes(outcomes.success[lost], realised=outcomes.realised)
    return UnseenTasks(success, part, dataset.tasks[lost], support[lost])


def score(bundle: Path, paths: Sequence[str], out: Path, progress: Progress = silent) -> int:
    """Score prompts into a Parquet file; gives the number of rows.

    Columns: `prompt_id`, `success_ARM` per arm, `uplift_ARM` per arm but the baseline, `support`. Rows that can't
    be used go to a quarantine file beside it.
    """
    model = load_bundle(bundle)
    quarantine = out.with_name(f"{out.stem}.quarantine.jsonl")
    history = read(paths, outcomes=False, carry=False, quarantine=quarantine, progress=progress)
    asked = distinct_prompts(history.frame)
    rows = list(predictions(model, asked.requests, progress))
    names = [arm.name for arm in model.arms]
    success, uplift = _column(rows, "success"), _column(rows, "uplift")
    columns: dict[str, object] = {"prompt_id": [str(prompt_id) for prompt_id in asked.prompt_ids]}
    columns |= {f"success_{name}": success[:, k] for k, name in enumerate(names)}
    columns |= {f"uplift_{name}": uplift[:, k] for k, name in enumerate(names[1:])}
    columns["support"] = np.array([row.support for row in rows])
    out.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table(columns), out)
    return len(rows)


@dataclass(frozen=True, slots=True)
class Question:
    """What `thinkgate decide` asks.

    Parameters
    ----------
    arms, policy
        Files; the bundle's own arms and the built-in policy where None.
    """

    prompt: str
    arms: Path | None = None
    policy: Path | None = None
    value: float | None = None
    deadline_ms: float | None = None
    task: str | None = None

    @property
    def request(self) -> Request:
        """Give it as the kernel wants it."""
        return Request(
            from_prompt(self.prompt),
            task=self.task,
            deadline_ms=self.deadline_ms,
            value_of_success_usd=None if self.value is None else Usd(self.value),
        )

    def engine(self, model: Bundle) -> Engine:
        """Lay policy and prices on a bundle."""
        terms = load_policy(self.policy, model.arms) if self.policy else Policy()
        return Engine(model, terms, arms=load_arms(self.arms) if self.arms else None)


def decide(bundle: Path, question: Question) -> Decision:
    """Decide one prompt with a bundle.

    Raises
    ------
    BundleRefused, BadRequest, BadArms, BadPolicy, Unpriced
        Each message names the cure.
    """
    return question.engine(load_bundle(bundle)).decide(question.request)


def explain(bundle: Path, question: Question, folder: Path | None = None) -> Explained:
    """Decide one prompt and explain it, with what training wrote beside the bundle.

    Raises
    ------
    BundleRefused, BadRequest, BadArms, BadPolicy, Unpriced
        Each message names the cure.
    """
    model = load_bundle(bundle)
    return explained(bundle, model, question.engine(model), question.request, folder)


def predictions(model: Bundle, requests: Sequence[Request], progress: Progress = silent) -> Iterator[Prediction]:
    """Predict in batches, in order."""
    for start in range(0, len(requests), BATCH):
        progress("predict", start, len(requests))
        yield from model.predict_requests(requests[start : start + BATCH])
    progress("predict", len(requests), len(requests))


def _truth(dataset: Dataset, success: Array) -> Array:
    if dataset.is_paired:
        return dataset.success
    arm = np.where(dataset.observed, dataset.propensity, np.inf).argmin(axis=1)
    rows = np.arange(len(dataset))
    log = LoggedTraffic(
        arm, dataset.success[rows, arm], np.clip(dataset.propensity[rows, arm], 1e-6, 1.0), len(dataset.arms)
    )
    return np.where(dataset.paired[:, None], dataset.success, doubly_robust_success(log, success, 50.0))


def _consumption(dataset: Dataset, predicted: Sequence[Prediction]) -> tuple[ConsumptionForecast, ...]:
    found = []
    for quantity, mean, p95, realised in (
        ("output tokens", "output_tokens_mean", "output_tokens_p95", dataset.output_tokens),
        ("latency ms", "latency_mean_ms", "latency_p95_ms", dataset.latency_ms),
    ):
        if np.isfinite(realised).any():
            found.append(ConsumptionForecast(quantity, _column(predicted, mean), _column(predicted, p95), realised))
    return tuple(found)


def _column(rows: Sequence[Prediction], name: str) -> Array:
    return np.array([getattr(row, name) for row in rows], np.float64)
