"""SYNTHETIC callers for the loop's stories: they ask a real server, call the arm that it names, and report back."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import httpx
import numpy as np

from tests.support.synthetic_journal import VALUE_USD
from training.synthetic import TASKS, ConceptDrift, PromptSample, World, oracle_policy, true_value

WORLD = World(
    seed=11,
    shift=ConceptDrift(
        day=14,
        gain=dict.fromkeys(TASKS, 2.5),
        skill=dict.fromkeys(TASKS, -2.0),
        mix={"maths": 6.0, "planning": 4.0},
    ),
)
"""From the middle on requests are harder, thinking adds far more than was learnt, and other things are asked for."""
POLICY = f"""
value_of_success_usd = {VALUE_USD}
min_support = 0.0
[exploration]
use = 0.4
maybe = 0.4
avoid = 0.4
[guards]
shed_above = 1.0
max_success_shift = 0.0
"""
"""The server's own quick answers to a drift are off: here the slow one is told."""


@dataclass
class Callers:
    """Ask the server, call the arm that it names in the world, and report what became of it."""

    url: str
    rng: np.random.Generator = field(default_factory=lambda: np.random.default_rng(5))
    decided: Counter[str] = field(default_factory=Counter)
    """Requests by the bundle that decided them."""

    def serve(self, draws: PromptSample) -> np.ndarray:
        """Give the arm of every request, as probabilities (n, K) of one."""
        chosen = np.zeros(draws.truth.success.shape)
        names = [arm.name for arm in draws.arms]
        with httpx.Client(base_url=self.url, timeout=30) as client:
            outcomes = []
            for row, request in enumerate(draws.requests):
                body = {"messages": [{"role": turn.role, "content": turn.text} for turn in request.messages]}
                answer = client.post("/v1/decisions", json=body)
                assert answer.status_code == 200, answer.text
                place = names.index(answer.json()["arm"])
                chosen[row, place] = 1.0
                self.decided[answer.json()["bundle_id"]] += 1
                truth = draws.truth
                outcomes.append(
                    {
                        "decision_id": answer.json()["decision_id"],
                        "success": float(self.rng.random() < truth.success[row, place]),
                        "input_tokens": int(draws.input_tokens[row]),
                        "output_tokens": int(truth.output_tokens[row, place]) + 1,
                        "cost_usd": float(truth.cost_usd[row, place]),
                        "latency_ms": float(truth.latency_ms[row, place]),
                    }
                )
            for start in range(0, len(outcomes), 100):
                assert client.post("/v1/outcomes", json=outcomes[start : start + 100]).status_code in (200, 202)
        return chosen


def share(draws: PromptSample, chosen: np.ndarray) -> float:
    """True value of what was chosen, as a share of what the oracle's choices are worth."""
    return (
        true_value(draws, chosen, VALUE_USD).net_usd
        / true_value(draws, oracle_policy(draws, VALUE_USD), VALUE_USD).net_usd
    )


def served(url: str) -> str:
    return str(httpx.get(f"{url}/v1/model", timeout=10).json()["bundle_id"])
