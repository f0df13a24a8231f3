"""Arms, forecasts and requests that the policy's tests share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from serving.decision.engine import Engine
from serving.decision.policy.policy import Policy, Rule, Terms
from serving.decision.selection.runtime_state import NEUTRAL, RuntimeState
from serving.decision.types import Arm, Decision, Message, Prediction, Price, Request

PRICE = Price(input=1.0, output=10.0, cached_input=0.1)
DIRECT = Arm("direct", "m", "none", 200.0, 1000.0, PRICE)
LOW = Arm("low", "m", "low", 800.0, 6000.0, PRICE)
HIGH = Arm("high", "m", "high", 3000.0, 20000.0, PRICE)
ARMS = (DIRECT, LOW, HIGH)
NOW = 1_790_000_000.0


@dataclass(frozen=True)
class Fixed:
    """A model that always forecasts the same."""

    prediction: Prediction
    arms: tuple[Arm, ...] = ARMS
    bundle_id: str = "fixed"
    tasks: tuple[str, ...] = ()

    def predict_request(self, request: Request) -> Prediction:
        return self.prediction


def forecast(
    uplift: tuple[float, ...] = (0.1, 0.15),
    half: float = 0.02,
    tokens: tuple[float, ...] = (200.0, 800.0, 3000.0),
    latency: tuple[float, ...] = (1000.0, 6000.0, 20000.0),
    support: float = 0.9,
    base: float = 0.6,
) -> Prediction:
    return Prediction(
        success=(base, *(base + step for step in uplift)),
        uplift=uplift,
        uplift_lower=tuple(step - half for step in uplift),
        uplift_upper=tuple(step + half for step in uplift),
        output_tokens_mean=tokens,
        output_tokens_p95=tuple(2 * mean for mean in tokens),
        latency_mean_ms=latency,
        latency_p95_ms=tuple(2 * mean for mean in latency),
        support=support,
    )


@dataclass
class Counter:
    """Ids that count, so that every test draws the same."""

    at: int = 0

    def __call__(self) -> str:
        self.at += 1
        return f"{self.at:026d}"


def engine(prediction: Prediction | None = None, policy: Policy | None = None, arms: tuple[Arm, ...] = ARMS) -> Engine:
    return Engine(Fixed(prediction or forecast(), arms), policy, clock=lambda: NOW, ids=Counter())


def ask(text: str = "hello", **more: Any) -> Request:
    return Request((Message("user", text),), **more)


def decide(
    prediction: Prediction | None = None,
    policy: Policy | None = None,
    request: Request | None = None,
    runtime_state: RuntimeState = NEUTRAL,
) -> Decision:
    return engine(prediction, policy).decide(request or ask(), runtime_state)


def policy(rules: tuple[Rule, ...] = (), seed: int = 0, **terms: Any) -> Policy:
    return Policy(terms=Terms(**terms), rules=rules, seed=seed)
