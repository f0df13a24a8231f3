"""Runtime state that a decision depends on besides request and model: budget pressure, session, arm health."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from serving.decision.fast_dataclass import fast_dataclass
from serving.decision.types import Effort, EffortHistory


@dataclass(frozen=True, slots=True)
class Session:
    """How the previous turn of the conversation was served.

    Parameters
    ----------
    arm
        Name of its arm.
    effort
        Effort that was actually sent, where it differs from the arm's own (a client's explicit effort).
    cached_tokens
        Prompt tokens in the provider's cache for that arm's model; another model pays them in full.
    open_tool_loop
        The gateway knows of an open tool call, whether or not the messages show it.
    cache_kept_by
        Names of the arms that read the cached prefix, because neither model nor effort change what the provider
        renders; None in records of earlier releases: every arm of the same model.
    effort_history
        Efforts of the session so far, where the call can change them inside the conversation.
    """

    arm: str
    effort: Effort | None = None
    cached_tokens: int = 0
    open_tool_loop: bool = False
    cache_kept_by: tuple[str, ...] | None = None
    effort_history: EffortHistory | None = None

    def cached_for(self, arm: str, same_model: bool) -> int:
        """Count the prompt tokens that the provider would read from its cache for an arm."""
        kept = same_model if self.cache_kept_by is None else arm in self.cache_kept_by
        return self.cached_tokens if kept else 0


@dataclass(frozen=True, slots=True)
class ArmHealth:
    """Live performance of an arm relative to the model's forecast.

    Parameters
    ----------
    latency_factor
        Live latency divided by forecast; multiplies mean and p95.
    tokens_factor
        Realised output tokens divided by forecast.
    success_shift
        Added to P(success | arm), from reported outcomes that contradict the model.
    expected_retries
        Per call; the policy's figure where None.
    shed
        Do not use this arm while another one is allowed.
    why
        Shown in the reason for a shed arm, e.g. `timeouts 12 % in 5 min`.
    """

    latency_factor: float = 1.0
    tokens_factor: float = 1.0
    success_shift: float = 0.0
    expected_retries: float | None = None
    shed: bool = False
    why: str = ""


@fast_dataclass
class RuntimeState:
    """Runtime state at the time of one decision; explicit values, so that a decision can be replayed.

    Parameters
    ----------
    input_tokens
        Of the whole prompt, where the gateway has counted them; estimated from the text where None.
    cost_multiplier
        From budget pacing, above -1: cost is weighted by 1 + cost_multiplier.
    session
        The previous turn; None for a first turn or an unknown session.
    health
        By arm name; an arm that is not named is healthy.
    task_shifts
        By task ("" for an unknown one) and arm, to be added to `success_shift` once the task is known; in a record it
        is empty, because `health` includes it.
    headers
        Lower-case names; matched by `header` rules of the policy.
    uniform
        In [0, 1): the draw for exploration; derived from the decision id where None.
    explore
        False: no arm is drawn at random and the propensity is 1; the hour's exploration budget is spent.
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
        """Compute the arms' health at a task.

        Examples
        --------
        >>> RuntimeState(task_shifts={"maths": {"high": -0.2}}).of_task("maths")["high"].success_shift
        -0.2
        """
        shifts = self.task_shifts.get(task or "")
        if not shifts:
            return self.health
        health = dict(self.health)
        for name, shift in shifts.items():
            arm = health.get(name, HEALTHY)
            health[name] = ArmHealth(
                arm.latency_factor,
                arm.tokens_factor,
                arm.success_shift + shift,
                arm.expected_retries,
                arm.shed,
                arm.why,
            )
        return health


HEALTHY = ArmHealth()
NEUTRAL = RuntimeState()
"""No budget pressure, no session, all arms healthy."""


def combine_states(first: RuntimeState, second: RuntimeState) -> RuntimeState:
    """Combine two sources: cost factors multiply; for session and token count the first source that has one wins.

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
        health[name] = other if known is None else _combine_health(known, other)
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


def _combine_health(first: ArmHealth, second: ArmHealth) -> ArmHealth:
    expected = [retries for retries in (first.expected_retries, second.expected_retries) if retries is not None]
    return ArmHealth(
        latency_factor=first.latency_factor * second.latency_factor,
        tokens_factor=first.tokens_factor * second.tokens_factor,
        success_shift=first.success_shift + second.success_shift,
        expected_retries=max(expected, default=None),
        shed=first.shed or second.shed,
        why="; ".join(why for why in (first.why, second.why) if why),
    )
