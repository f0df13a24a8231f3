"""Settings of the runtime controls: budgets, circuit breakers on failing arms, session memory."""

from __future__ import annotations

from dataclasses import dataclass

from serving.decision.types import Usd

HOUR_S = 3600


@dataclass(frozen=True, slots=True)
class BudgetSettings:
    """Spending limits per clock hour, day and month (UTC); None for no limit.

    Parameters
    ----------
    hard_stop
        Once a window's budget is spent, only the baseline arm serves until the window ends. Without it, the weight of
        cost keeps rising, but an arm that is worth it still serves.
    pool
        Spending that counts against it: a tenant with a budget of its own, or "" for all others together.
    """

    hour_usd: Usd | None = None
    day_usd: Usd | None = None
    month_usd: Usd | None = None
    hard_stop: bool = False
    pool: str = ""

    @property
    def steers(self) -> bool:
        """Tell whether any window has a budget."""
        return self.hour_usd is not None or self.day_usd is not None or self.month_usd is not None


@dataclass(frozen=True, slots=True)
class HealthSettings:
    """Circuit breaker and drift correction: when reported outcomes overrule the forecast.

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
        Reported calls below which nothing is concluded.
    half_life_seconds
        Of the weight of calls in the estimates of failure share, latency and tokens.
    hold_seconds
        How long an arm stays shed before probes; doubled each time they fail, up to 16-fold.
    probe_share
        Share of requests that may probe a shed arm after its hold.
    probes
        Reported probes needed to decide.
    bloat_above
        Realised over forecast hidden tokens above which token bloat is alarmed; over all output tokens where the
        hidden ones are unknown.
    success_half_life_hours
        Half-life of reported successes: how long an arm that underperformed takes to get another chance.
    max_success_shift
        Cap on how far reported outcomes shift P(success | arm) at a task; 0 disables it.
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
        Since its last turn; afterwards the session counts as new.
    cache_minutes
        Assumed lifetime of the provider's prompt cache.
    """

    session_minutes: float = 60.0
    cache_minutes: float = 5.0
