"""Reads the tables of `policy.toml` that configure the runtime controls: budget, guards, sessions."""

from __future__ import annotations

from serving.decision.policy.controls import BudgetSettings, HealthSettings, SessionSettings
from serving.decision.policy.strict_toml import Section
from serving.decision.types import Usd

_MONTH_MINUTES = 31.0 * 24.0 * 60.0
_WEEK_S = 7.0 * 86_400.0


def read_budget_settings(section: Section, base: BudgetSettings, pool: str) -> BudgetSettings:
    """Read a budget: a tenant has one of its own if it writes one, and shares `base` otherwise.

    Parameters
    ----------
    section
        Table of the tenant, or the document.
    base
        The shared budget.
    pool
        The tenant's name, or "".
    """
    table = section.section("budget")
    if not section.has("budget"):
        return base
    budget = BudgetSettings(
        hour_usd=_amount(table, "hour_usd"),
        day_usd=_amount(table, "day_usd"),
        month_usd=_amount(table, "month_usd"),
        hard_stop=table.flag("hard_stop", base.hard_stop),
        pool=pool,
    )
    table.close()
    if not budget.steers:
        section.fault("budget", "a budget needs hour_usd, day_usd or month_usd, e.g. day_usd = 100")
    return budget


def read_health_settings(table: Section) -> HealthSettings:
    """Read the table `guards`."""
    base = HealthSettings()
    health = HealthSettings(
        shed_above=table.number("shed_above", base.shed_above, high=1.0, above=True),
        recover_below=table.number("recover_below", base.recover_below, high=1.0),
        late_factor=table.number("late_factor", base.late_factor, low=1.0),
        min_calls=table.whole("min_calls", base.min_calls, low=1),
        half_life_seconds=table.number("half_life_seconds", base.half_life_seconds, low=1.0, high=_WEEK_S),
        hold_seconds=table.number("hold_seconds", base.hold_seconds, low=1.0, high=_WEEK_S),
        probe_share=table.number("probe_share", base.probe_share, high=1.0, above=True),
        probes=table.whole("probes", base.probes, low=1),
        bloat_above=table.number("bloat_above", base.bloat_above, low=1.0),
        success_half_life_hours=table.number(
            "success_half_life_hours", base.success_half_life_hours, high=8760.0, above=True
        ),
        max_success_shift=table.number("max_success_shift", base.max_success_shift, high=1.0),
    )
    table.close()
    if health.recover_below >= health.shed_above:
        key = "recover_below" if table.has("recover_below") else "shed_above"
        problem = f"recover_below {health.recover_below:g} is not below shed_above {health.shed_above:g}"
        table.fault(key, f"{problem}: an arm would flap; move them apart")
    return health


def read_session_settings(table: Section) -> SessionSettings:
    """Read the table `sessions`."""
    base = SessionSettings()
    sessions = SessionSettings(
        session_minutes=table.number("session_minutes", base.session_minutes, high=_MONTH_MINUTES),
        cache_minutes=table.number("cache_minutes", base.cache_minutes, high=_MONTH_MINUTES),
    )
    table.close()
    return sessions


def _amount(table: Section, key: str) -> Usd | None:
    amount = table.number(key, 0.0, above=True)
    return Usd(amount) if table.has(key) else None
