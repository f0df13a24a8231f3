"""Generates the calls of a synthetic world: samples outcomes and writes each call as one outcome record."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd
import pyarrow as pa

from serving.decision import Request
from training.synthetic.logging_policies import LoggingPolicy, probabilities
from training.synthetic.prices import PriceTable
from training.synthetic.prompt_generator import BLOCK, CALLS
from training.synthetic.prompt_sample import PromptSample
from training.synthetic.response_model import (
    BLOAT,
    HIDDEN_FACTOR,
    HIDDEN_LIMIT,
    HIDDEN_SIGMA,
    LATENCY_SIGMA,
    RETRY_MS,
    TIMEOUT,
    TIMEOUT_MS,
    VISIBLE_FACTOR,
    VISIBLE_LIMIT,
    VISIBLE_SIGMA,
)
from training.synthetic.task_types import FAILURE_MODES
from training.types import Array, BoolArray, IntArray

SOURCE: Final = "synthetic"

_MESSAGES = pa.list_(pa.struct([("role", pa.string()), ("content", pa.string())]))
_TEXT = (
    "request_id", "prompt_id", "prompt", "arm", "model", "failure_mode", "task", "tenant", "session_id", "language",
    "source",
)  # fmt: skip
_COUNTS = ("input_tokens", "cached_input_tokens", "output_tokens", "reasoning_tokens", "retries")
_ORDER: Final = (
    "request_id", "prompt_id", "prompt", "messages", "arm", "model", "success", "propensity", "input_tokens",
    "cached_input_tokens", "output_tokens", "reasoning_tokens", "cost_usd", "gpu_seconds", "latency_ms", "retries",
    "failure_mode", "task", "tenant", "session_id", "timestamp", "language", "source",
)  # fmt: skip


def _type(name: str) -> pa.DataType:
    if name in _TEXT:
        return pa.string()
    if name in _COUNTS:
        return pa.int64()
    return {"messages": _MESSAGES, "timestamp": pa.timestamp("ms", tz="UTC")}.get(name, pa.float64())


SCHEMA: Final = pa.schema([(name, _type(name)) for name in _ORDER])
"""Parquet schema of the records."""


@dataclass(frozen=True, slots=True)
class Calls:
    """m calls: which prompt, which arm, which run, and how likely that arm was."""

    rows: IntArray
    arms: IntArray
    runs: IntArray
    propensity: Array


@dataclass(frozen=True, slots=True)
class CallLuck:
    """Luck of every possible call of n prompts in one run: it hangs on seed, place, arm and run alone."""

    uniform: Array  # (n, K, 3) success, failure mode, retries
    normal: Array  # (n, K, 3) visible, hidden, latency
    pick: Array  # (n,) which arm a logging policy takes


def call_frame(
    seed: int, draws: PromptSample, costs: PriceTable, policy: LoggingPolicy | None, runs: int
) -> pd.DataFrame:
    """Make the calls that `policy` asks for (None: all arms) and write them down, prompt by prompt."""
    chances = [_chance(seed, draws, run) for run in range(runs)]
    calls = _paired(draws, runs) if policy is None else _logged(probabilities(policy, draws), chances)
    rows, arms = calls.rows, calls.arms
    uniform = np.stack([chance.uniform for chance in chances])[calls.runs, rows, arms]
    normal = np.stack([chance.normal for chance in chances])[calls.runs, rows, arms]
    truth = draws.truth
    success = uniform[:, 0] < truth.success[rows, arms]
    mode = _modes(success, truth.wrong_modes[rows, arms], truth.right_bloat[rows, arms], uniform[:, 1])
    visible = truth.visible_median[rows, arms] * VISIBLE_FACTOR[mode] * np.exp(VISIBLE_SIGMA * normal[:, 0])
    hidden = truth.hidden_median[rows, arms] * HIDDEN_FACTOR[mode] * np.exp(HIDDEN_SIGMA * normal[:, 1])
    hidden = np.rint(hidden.clip(0.0, HIDDEN_LIMIT))
    output = np.rint(visible.clip(1.0, VISIBLE_LIMIT)) + hidden
    retries = (uniform[:, 2, None] < truth.retry_chance[rows, arms][:, None] ** np.array([1, 2, 3])).sum(axis=1)
    noise = np.exp(LATENCY_SIGMA * normal[:, 2] - LATENCY_SIGMA**2 / 2)
    working = truth.ms_per_token[rows, arms] * output
    latency = np.round((truth.overhead_ms[rows, arms] + RETRY_MS * retries + working) * noise, 1)
    latency[mode == TIMEOUT] = TIMEOUT_MS
    fresh, cached = draws.input_tokens[rows], draws.cached_input_tokens[rows]
    names = np.array([None, *FAILURE_MODES], dtype=object)
    return pd.DataFrame(
        _who(seed, draws, calls)
        | {
            "success": success.astype(np.float64),
            "propensity": calls.propensity,
            "input_tokens": fresh.astype(np.int64),
            "cached_input_tokens": cached.astype(np.int64),
            "output_tokens": output.astype(np.int64),
            "reasoning_tokens": hidden.astype(np.int64),
            "cost_usd": np.round(costs.cost_usd(arms, fresh, cached, output, latency), 9),
            "gpu_seconds": np.round(np.where(mode == TIMEOUT, TIMEOUT_MS, working * noise) / 1000.0, 4),
            "latency_ms": latency,
            "retries": retries + (mode == TIMEOUT),
            "failure_mode": names[mode],
        }
    )[list(_ORDER)]


def _who(seed: int, draws: PromptSample, calls: Calls) -> dict[str, object]:
    """Columns that say whose call it was; a dict because the next step is a DataFrame."""
    rows = calls.rows.tolist()
    ids = [f"{SOURCE}-{seed}-{place:08d}" for place in draws.index.tolist()]
    arm_names = np.array([arm.name for arm in draws.arms], dtype=object)
    models = np.array([arm.model for arm in draws.arms], dtype=object)
    single = [_prompt(request) for request in draws.requests]
    talks = [None if text is not None else _messages(one) for text, one in zip(single, draws.requests, strict=True)]
    moments = pd.to_datetime(np.round(draws.timestamp * 1000.0).astype(np.int64), unit="ms", utc=True)
    named = zip(rows, arm_names[calls.arms].tolist(), calls.runs.tolist(), strict=True)
    return {
        "request_id": [f"{ids[row]}-{arm}-{run}" for row, arm, run in named],
        "prompt_id": [ids[row] for row in rows],
        "prompt": [single[row] for row in rows],
        "messages": [talks[row] for row in rows],
        "arm": arm_names[calls.arms],
        "model": models[calls.arms],
        "task": draws.tasks[calls.rows],
        "tenant": [draws.requests[row].tenant for row in rows],
        "session_id": [draws.requests[row].session_id for row in rows],
        "timestamp": moments[calls.rows],
        "language": draws.languages[calls.rows],
        "source": SOURCE,
    }


def _prompt(request: Request) -> str | None:
    """A lone user turn is a prompt; anything else is written as messages."""
    return request.messages[0].text if len(request.messages) == 1 else None


def _messages(request: Request) -> list[dict[str, str]]:
    return [{"role": message.role, "content": message.text} for message in request.messages]


def _chance(seed: int, draws: PromptSample, run: int) -> CallLuck:
    count, arms = len(draws), len(draws.arms)
    uniform, normal, pick = np.empty((count, arms, 3)), np.empty((count, arms, 3)), np.empty(count)
    blocks = draws.index // BLOCK
    for block in np.unique(blocks).tolist():
        here = blocks == block
        places = draws.index[here] % BLOCK
        rng = np.random.default_rng([seed, CALLS, block, run])
        pick[here] = rng.random(BLOCK)[places]
        for arm in range(arms):  # arm after arm: a further arm leaves the luck of the others alone
            uniform[here, arm] = rng.random((BLOCK, 3))[places]
            normal[here, arm] = rng.standard_normal((BLOCK, 3))[places]
    return CallLuck(uniform, normal, pick)


def _paired(draws: PromptSample, runs: int) -> Calls:
    shape = (len(draws), len(draws.arms), runs)
    rows, arms, which = (places.ravel() for places in np.indices(shape))
    return Calls(rows, arms, which, np.ones(rows.size))


def _logged(chances: Array, luck: list[CallLuck]) -> Calls:
    """Pick one arm per prompt and run; an arm of probability 0 is never picked."""
    count = chances.shape[1]
    last = count - 1 - (chances[:, ::-1] > 0.0).argmax(axis=1)
    bounds = np.where(np.arange(count) >= last[:, None], 2.0, np.cumsum(chances, axis=1))
    picks = np.stack([(one.pick[:, None] >= bounds).sum(axis=1) for one in luck], axis=1)
    rows, runs = (places.ravel() for places in np.indices(picks.shape))
    arms = picks.ravel()
    return Calls(rows, arms, runs, chances[rows, arms])


def _modes(success: BoolArray, wrong_modes: Array, right_bloat: Array, luck: Array) -> IntArray:
    """Failure mode per call, 0 for none."""
    wrong = (luck[:, None] >= np.cumsum(wrong_modes, axis=1)[:, :-1]).sum(axis=1)
    return np.where(success, np.where(luck < right_bloat, BLOAT, 0), wrong)
