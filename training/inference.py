"""Offline inference with a finished bundle: predicts and scores many prompts, decides and explains one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from serving.decision import Decision, Engine, Prediction, Request, Usd, from_prompt
from serving.decision.bundle import Bundle, load_bundle
from serving.decision.policy import Policy, load_arms, load_policy
from training.atomic_files import replacing
from training.dataset import distinct_prompts
from training.explain import Explained, explain_decision
from training.progress import Progress, silent
from training.records import read
from training.types import Array

BATCH = 512


def predictions(model: Bundle, requests: Sequence[Request], progress: Progress = silent) -> Iterator[Prediction]:
    """Predict in batches, in the order of the requests."""
    for start in range(0, len(requests), BATCH):
        progress("predict", start, len(requests))
        yield from model.predict_requests(requests[start : start + BATCH])
    progress("predict", len(requests), len(requests))


def stack_field(predicted: Sequence[Prediction], name: str) -> Array:
    """Stack one field of n predictions: float64 (n, K), (n, K-1) for uplifts, (n,) for `support`."""
    return np.array([getattr(row, name) for row in predicted], np.float64)


def score(bundle: Path, paths: Sequence[str], out: Path, progress: Progress = silent) -> int:
    """Score prompts into a Parquet file and return the number of rows.

    Columns: `prompt_id`, `success_ARM` per arm, `uplift_ARM` per arm but the baseline, `support`. Rows that can't
    be used go to a quarantine file beside it.

    Raises
    ------
    BundleRefused, BadHistory
        Each message names the cure.
    """
    model = load_bundle(bundle)
    quarantine = out.with_name(f"{out.stem}.quarantine.jsonl")
    history = read(paths, outcomes=False, carry=False, quarantine=quarantine, progress=progress)
    prompts = distinct_prompts(history.frame)
    predicted = list(predictions(model, prompts.requests, progress))
    names = [arm.name for arm in model.arms]
    success, uplift = stack_field(predicted, "success"), stack_field(predicted, "uplift")
    columns: dict[str, object] = {"prompt_id": [str(prompt_id) for prompt_id in prompts.prompt_ids]}
    columns |= {f"success_{name}": success[:, k] for k, name in enumerate(names)}
    columns |= {f"uplift_{name}": uplift[:, k] for k, name in enumerate(names[1:])}
    columns["support"] = stack_field(predicted, "support")
    with replacing(out) as part:
        pq.write_table(pa.table(columns), part)
    return len(predicted)


@dataclass(frozen=True, slots=True)
class Question:
    """One prompt to decide, with the files and limits that `thinkgate decide` takes.

    Parameters
    ----------
    arms, policy
        Files; the bundle's own arms and the built-in policy where None.
    value
        USD that a success is worth; the policy's value where None.
    deadline_ms
        How long the caller can wait, in milliseconds.
    """

    prompt: str
    arms: Path | None = None
    policy: Path | None = None
    value: float | None = None
    deadline_ms: float | None = None
    task: str | None = None

    @property
    def request(self) -> Request:
        """The kernel's request."""
        return Request(
            from_prompt(self.prompt),
            task=self.task,
            deadline_ms=self.deadline_ms,
            value_of_success_usd=None if self.value is None else Usd(self.value),
        )

    def engine(self, model: Bundle) -> Engine:
        """Bind policy and prices to a bundle."""
        policy = load_policy(self.policy, model.arms) if self.policy else Policy()
        return Engine(model, policy, arms=load_arms(self.arms) if self.arms else None)


def decide(bundle: Path, question: Question) -> Decision:
    """Decide one prompt with a bundle.

    Raises
    ------
    BundleRefused, BadRequest, BadArms, BadPolicy, Unpriced
        Each message names the cure.
    """
    return question.engine(load_bundle(bundle)).decide(question.request)


def explain(bundle: Path, question: Question, folder: Path | None = None) -> Explained:
    """Decide one prompt and explain the decision.

    Parameters
    ----------
    folder
        What training wrote beside the bundle; `BUNDLE-explain` where None.

    Raises
    ------
    BundleRefused, BadRequest, BadArms, BadPolicy, Unpriced
        Each message names the cure.
    """
    model = load_bundle(bundle)
    return explain_decision(bundle, model, question.engine(model), question.request, folder)
