"""What the operator says about the state of the world: budgets, guards against arms that fail, memory of sessions."""

from __future__ import annotations

from dataclasses import dataclass

from serving.decision.types import Usd

HOUR_S = 3600


@dataclass(frozen=True, slots=True)
class BudgetSettings:
    """What may be spent in each clock hour, day and month (UTC); None for no budget.

    Parameters
    ----------
    hard_stop
        Once a window's budget is spent, the baseline arm alone serves until the window ends. Without it, cost weighs
        ever more, but an arm that is worth it still serves.
    purse
        Who spends from it: a tenant with a budget of its own, or "" for everybody else together.
    """

    hour_usd: Usd | None = None
    day_usd: Usd | None = None
    month_usd: Usd | None = None
    hard_stop: bool = False
    purse: str = ""

    @property
    def steers(self) -> bool:
        """Tell whether any window has a budget."""
        return self.hour_usd is not None or self.day_usd is not None or self.month_usd is not None


@dataclass(frozen=True, slots=True)
class HealthSettings:
    """When reported outcomes overrule the forecast.

    Parameters
    ----------
    shed_above
        An arm is shed to the baseline when the share of its calls that time out or are late is above it; 1 never
        sheds.
    recover_below
        A shed arm serves again when the share of its probes that fail is at most this; below `shed_above`.
    late_factor
        A call is late above this multiple of the forecast p95 of its latency.
    min_calls
        Fewer reported calls than this decide nothing.
    half_life_seconds
        How fast calls are forgotten when shedding, latency and tokens are judged.
    hold_seconds
        How long an arm stays shed before probes; doubled each time they fail, up to 16-fold.
    probe_share
        Share of requests that may take a shed arm again after its hold.
    probes
        Reported probes that decide.
    bloat_above
        Realised over forecast hidden tokens from which an arm's token bloat is an alarm; all output tokens where the
        hidden ones are not known.
    success_half_life_hours
        How fast reported successes are forgotten: how long an arm that did not deliver takes to get another chance.
    max_success_shift
        Most that reported outcomes move P(success | arm) at a task; 0 switches it off.
    """

    shed_above: float = 0.2
    recover_below: float = 0.1
    late_factor: float = 2.0
    min_calls: int = 20
    half_life_seconds: float = 60.0
    hold_seconds: float = 30.0
    probe_share: float = 0.05
    probes: int = 10
    bloat_above: float = 1.5
    success_half_life_hours: float = 6.0
    max_success_shift: float = 0.3


@dataclass(frozen=True, slots=True)
class SessionSettings:
    """How long a conversation is remembered.

    Parameters
    ----------
    session_minutes
        Since its last turn; afterwards it counts as new.
    cache_minutes
        How long the provider is taken to hold its prompt cache.
    """

    session_minutes: float = 60.0
    cache_minutes: float = 5.0
