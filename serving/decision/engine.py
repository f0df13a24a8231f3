"""The decision engine: runs the model, draws id, time and random number once, and calls `draw_from_record`."""

from __future__ import annotations

import hashlib
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Protocol

from serving.decision.errors import BadArms
from serving.decision.fast_dataclass import fast_dataclass
from serving.decision.harness import harness_call, user_words
from serving.decision.ids import Clock, IdSource
from serving.decision.policy import Policy, bind_policy
from serving.decision.pricing import PriceBook, price_book
from serving.decision.prior import PriorModel
from serving.decision.request_traits import before_tools, in_tool_loop
from serving.decision.selection import (
    NEUTRAL,
    DecisionRecord,
    RuntimeState,
    context_of,
    draw_from_record,
    may_change_in_loop,
)
from serving.decision.types import Applied, Arm, Decision, Prediction, Request

_MIN_TASK_PROBABILITY = 0.5
"""Probability from which a predicted task is used where the request states none."""
_BYTES_PER_TOKEN = 4.0
_TURN_TOKENS = 4
_IMAGE_TOKENS = 1000
_TOOL_TOKENS = 120


class Model(Protocol):
    """Port of a forecasting model: a bundle, prior knowledge, a fake in a test."""

    @property
    def arms(self) -> tuple[Arm, ...]:
        """The K arms, the baseline first."""
        ...

    @property
    def bundle_id(self) -> str:
        """Identifier of the model."""
        ...

    @property
    def tasks(self) -> tuple[str, ...]:
        """The T tasks in the order of `task_probabilities`."""
        ...

    def predict_request(self, request: Request) -> Prediction:
        """Forecast one request."""
        ...


@fast_dataclass
class RecordedDecision:
    """A decision and its record for replay; the record is None where no model was run.

    Parameters
    ----------
    forecast_us
        Microseconds until the forecast was complete; the rest of `decision.elapsed_us` is the policy's.
    arm
        The decided arm, for a rewrite; None where it is not known.
    propensities
        (K,) probability of each arm to be drawn, in the order of `decision.estimates`; empty where nothing was drawn.
    applied
        What became of the decision in the call itself; None where only the caller knows.
    """

    decision: Decision
    record: DecisionRecord | None
    forecast_us: int = 0
    arm: Arm | None = None
    propensities: tuple[float, ...] = ()
    applied: Applied | None = None

    @property
    def served_arm(self) -> str | None:
        """The arm that the call amounts to: the decided one, unless another was applied; None where it is none."""
        return self.decision.arm if self.applied is None else self.applied.arm

    @property
    def is_applied(self) -> bool:
        """Whether the call asks for what was decided, as far as is known."""
        return self.applied is None or not self.applied.not_applied


class Engine:
    """Decides requests with one model under one policy; immutable and thread-safe.

    Parameters
    ----------
    model
        Forecasts requests.
    policy
        Of the operator; the default policy where None.
    prices
        Of the model's arms; looked up where None.
    arms
        The model's arms with newer prices; the model's own where None.
    prior
        Prior knowledge, blended in where support is low; `PriorModel` where None. An engine whose model is
        a `PriorModel` is a cold start.
    clock, ids, timer
        Epoch seconds, decision ids, and nanoseconds for `elapsed_us`.

    Raises
    ------
    Unpriced, BadPolicy, BadArms
        Model, policy and prices are inconsistent.
    """

    def __init__(
        self,
        model: Model,
        policy: Policy | None = None,
        prices: PriceBook | None = None,
        *,
        arms: Sequence[Arm] | None = None,
        prior: Model | None = None,
        clock: Clock = time.time,
        ids: Callable[[], str] | None = None,
        timer: Callable[[], int] = time.perf_counter_ns,
    ) -> None:
        self.model = model
        self.policy = policy or Policy()
        self.arms = tuple(arms or model.arms)
        if [arm.name for arm in self.arms] != [arm.name for arm in model.arms]:
            raise BadArms(
                f"the model knows {', '.join(arm.name for arm in model.arms)}, in this order,"
                f" not {', '.join(arm.name for arm in self.arms)}: name the same arms"
            )
        self._arms_by_name = {arm.name: arm for arm in self.arms}
        self.prior = prior or PriorModel(self.arms)
        self.prices = prices or price_book(self.arms)
        self.bound_policy = bind_policy(self.arms, self.policy, self.prices)
        self.cold_start = isinstance(model, PriorModel)
        self._clock, self._timer = clock, timer
        self._ids = ids or IdSource(clock, random.Random())  # noqa: S311  # names, no secrets; seeded by the system
        self._seed = str(self.policy.seed).encode()

    @property
    def version(self) -> str:
        """Identifier of policy and prices, as in every decision."""
        return self.bound_policy.version

    def decide(self, request: Request, runtime_state: RuntimeState = NEUTRAL) -> Decision:
        """Decide one request.

        Parameters
        ----------
        request
            The conversation and its context.
        runtime_state
            Budget pressure, session, health of the arms; `NEUTRAL` where nothing is known.

        Raises
        ------
        EveryArmDenied
            The policy's rules leave no arm for the request.
        """
        return self.decide_recorded(request, runtime_state).decision

    def decide_recorded(self, request: Request, runtime_state: RuntimeState = NEUTRAL) -> RecordedDecision:
        """Decide one request, and return the record for the journal with the decision."""
        start = self._timer()
        record = self.record(request, runtime_state)
        forecast_us = (self._timer() - start) // 1000
        drawn = draw_from_record(record, self.bound_policy, lambda: (self._timer() - start) // 1000)
        arm = self._arms_by_name.get(drawn.decision.arm)
        return RecordedDecision(drawn.decision, record, forecast_us, arm, drawn.propensities)

    def record(self, request: Request, runtime_state: RuntimeState = NEUTRAL) -> DecisionRecord:
        """Forecast, and draw id, time and random number: the inputs of `draw_from_record`.

        In an open tool loop the conversation is read up to its last user turn, so that the decision equals that turn's
        decision, whatever tool results followed, even where the session is unknown; where the loop may change its
        effort, the whole conversation is read. Calls that a tool makes on its own behalf are the prior's, unless the
        model was trained on that kind.
        """
        terms = self.bound_policy.policy.terms_for(request.tenant)
        repeats = in_tool_loop(request) and not may_change_in_loop(request.loop_is_open_to_change, terms)
        forecast_request = before_tools(request) if repeats else request
        words = user_words(forecast_request)
        call = None if request.task else harness_call(words)
        prediction = self.model.predict_request(forecast_request)
        weight = 1.0 if self.cold_start else 0.0
        known = prediction.support if call is None or call in self.model.tasks else 0.0
        if not self.cold_start and known < terms.full_support:
            weight = 1.0 - max(known, 0.0) / terms.full_support
            prediction = blend_prior(prediction, self.prior.predict_request(words), weight)
        decision_id = self._ids()
        context = context_of(request, words, None if request.task else call or self._predicted_task(prediction))
        return DecisionRecord(
            decision_id=decision_id,
            bundle_id=self.model.bundle_id,
            now=self._clock(),
            context=context,
            runtime_state=self._complete(runtime_state, forecast_request, decision_id, context.task),
            prediction=prediction,
            prior_weight=weight,
            cold_start=self.cold_start,
            policy=self.bound_policy.version,
        )

    def _predicted_task(self, prediction: Prediction) -> str | None:
        probabilities = prediction.task_probabilities
        if not probabilities or max(probabilities) < _MIN_TASK_PROBABILITY:
            return None
        return self.model.tasks[probabilities.index(max(probabilities))]

    def _complete(
        self, runtime_state: RuntimeState, request: Request, decision_id: str, task: str | None
    ) -> RuntimeState:
        """Fill token count and random number in where they are missing, and apply the shifts of the task."""
        tokens, uniform = runtime_state.input_tokens, runtime_state.uniform
        if tokens is not None and uniform is not None and not runtime_state.task_shifts:
            return runtime_state
        return RuntimeState(
            input_tokens=estimate_input_tokens(request) if tokens is None else tokens,
            cost_multiplier=runtime_state.cost_multiplier,
            session=runtime_state.session,
            health=runtime_state.of_task(task) if runtime_state.task_shifts else runtime_state.health,
            headers=runtime_state.headers,
            uniform=_uniform(self._seed, decision_id) if uniform is None else uniform,
            explore=runtime_state.explore,
        )


def blend_prior(model: Prediction, prior: Prediction, weight: float) -> Prediction:
    """Blend prior knowledge of success into a forecast; tokens, latencies and support stay the model's.

    Parameters
    ----------
    weight
        Weight of the prior, in [0, 1].
    """

    def blend(learnt: tuple[float, ...], known: tuple[float, ...]) -> tuple[float, ...]:
        return tuple((1.0 - weight) * a + weight * b for a, b in zip(learnt, known, strict=True))

    return replace(
        model,
        success=blend(model.success, prior.success),
        uplift=blend(model.uplift, prior.uplift),
        uplift_lower=blend(model.uplift_lower, prior.uplift_lower),
        uplift_upper=blend(model.uplift_upper, prior.uplift_upper),
    )


def estimate_input_tokens(request: Request) -> int:
    """Estimate the prompt tokens of a request from its size in bytes, for gateways that do not count them.

    Examples
    --------
    >>> from serving.decision.types import Message
    >>> estimate_input_tokens(Request((Message("user", "What is the capital of France?"),)))
    11
    """
    size, images = 0, 0
    for message in request.messages:
        text = message.text
        size += len(text) if text.isascii() else len(text.encode("utf-8", "replace"))
        images += message.images
    extra = _TURN_TOKENS * len(request.messages) + _IMAGE_TOKENS * images + _TOOL_TOKENS * request.tools
    return int(size / _BYTES_PER_TOKEN) + extra


def _uniform(seed: bytes, decision_id: str) -> float:
    """Derive the random number in [0, 1) from seed and decision id: 53 bits of a hash."""
    digest = hashlib.blake2b(decision_id.encode(), digest_size=8, key=seed).digest()
    return (int.from_bytes(digest) >> 11) * 2.0**-53
