"""Everything a decision may depend on beside the request and the model: explicit values, so it can be replayed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from serving.decision.fast_dataclass import fast_dataclass
from serving.decision.types import Effort


@dataclass(frozen=True, slots=True)
class Session:
    """What the conversation was served with before this turn.

    Parameters
    ----------
    arm
        Name of the arm of the last turn.
    effort
        Effort that was really sent, where it differs from the arm's own (a client's explicit effort).
    cached_tokens
        Prompt tokens that the provider still holds for that arm's model; another model pays them in full.
    open_tool_loop
        The gateway knows of a tool call that is not answered to the end, whatever the messages show.
    """

    arm: str
    effort: Effort | None = None
    cached_tokens: int = 0
    open_tool_loop: bool = False


@dataclass(frozen=True, slots=True)
class ArmHealth:
    """How an arm does at present, measured against what the model forecasts.

    Parameters
    ----------
    latency_factor
        Live latency over forecast; multiplies mean and p95.
    tokens_factor
        Realised output tokens over forecast.
    success_shift
        Added to P(success | arm): reported outcomes that contradict the model.
    expected_retries
        Per call; the policy's own figure where None.
    shed
        Do not serve with this arm while another one may serve.
    why
        What the reason says about a shed arm, e.g. `timeouts 12 % in 5 min`.
    """

    latency_factor: float = 1.0
    tokens_factor: float = 1.0
    success_shift: float = 0.0
    expected_retries: float | None = None
    shed: bool = False
    why: str = ""


@fast_dataclass
class RuntimeState:
    """The state of the world at the moment of one decision.

    Parameters
    ----------
    input_tokens
        Of the whole prompt, where the gateway has counted them; estimated from the text where None.
    cost_multiplier
        Budget steering, above -1: cost counts (1 + cost_multiplier)-fold.
    session
        The conversation's last turn; None for a first turn or an unknown session.
    health
        By arm name; an arm that is not named is healthy.
    task_shifts
        By task ("" for an unknown one) and arm, to be added to `success_shift` once the task is known; in a record it
        is empty, for `health` holds what counted.
    headers
        Lower-case names; what `header` rules of the policy look at.
    uniform
        In [0, 1): the draw for exploration; derived from the decision id where None.
    explore
        False: no arm is drawn at random, and the propensity says so; the hour's budget for exploring is spent.
    """

    input_tokens: int | None = None
    cost_multiplier: float = 0.0
    session: Session | None = None
    health: Mapping[str, ArmHealth] = field(default_factory=dict)
    task_shifts: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    uniform: float | None = None
    explore: bool = True

    def of_task(self, task: str | None) -> Mapping[str, ArmHealth]:
        """Give the arms' health at a task.

        Examples
        --------
        >>> RuntimeState(task_shifts={"maths": {"high": -0.2}}).of_task("maths")["high"].success_shift
        -0.2
        """
        shifts = self.task_shifts.get(task or "")
        if not shifts:
            return self.health
        told = dict(self.health)
        for name, shift in shifts.items():
            arm = told.get(name, HEALTHY)
            told[name] = ArmHealth(
                arm.latency_factor,
                arm.tokens_factor,
                arm.success_shift + shift,
                arm.expected_retries,
                arm.shed,
                arm.why,
            )
        return told


HEALTHY = ArmHealth()
NEUTRAL = RuntimeState()
"""No budget pressure, no session, all arms healthy."""


def combine_states(first: RuntimeState, second: RuntimeState) -> RuntimeState:
    """Put together what two sources know: pressures multiply, the first that knows a session or a count is right.

    Examples
    --------
    >>> both = combine_states(RuntimeState(cost_multiplier=0.5), RuntimeState(cost_multiplier=1.0, explore=False))
    >>> both.cost_multiplier, both.explore
    (2.0, False)
    """
    if first is NEUTRAL:
        return second
    if second is NEUTRAL:
        return first
    health = dict(first.health)
    for name, other in second.health.items():
        known = health.get(name)
        health[name] = other if known is None else _worse(known, other)
    return RuntimeState(
        input_tokens=second.input_tokens if first.input_tokens is None else first.input_tokens,
        cost_multiplier=(1.0 + first.cost_multiplier) * (1.0 + second.cost_multiplier) - 1.0,
        session=first.session or second.session,
        health=health,
        task_shifts=first.task_shifts or second.task_shifts,
        headers={**second.headers, **first.headers},
        uniform=second.uniform if first.uniform is None else first.uniform,
        explore=first.explore and second.explore,
    )


def _worse(first: ArmHealth, second: ArmHealth) -> ArmHealth:
    known = [retries for retries in (first.expected_retries, second.expected_retries) if retries is not None]
    return ArmHealth(
        latency_factor=first.latency_factor * second.latency_factor,
        tokens_factor=first.tokens_factor * second.tokens_factor,
        success_shift=first.success_shift + second.success_shift,
        expected_retries=max(known, default=None),
        shed=first.shed or second.shed,
        why="; ".join(why for why in (first.why, second.why) if why),
    )
