"""Reads and watches `policy.toml`; errors name line and key, and an invalid file leaves the live policy in force."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import cast

from serving.decision.errors import BadPolicy
from serving.decision.policy.controls_file import read_budget_settings, read_health_settings, read_session_settings
from serving.decision.policy.policy import (
    CLIENT_BEHAVIOURS,
    LOOP_BEHAVIOURS,
    MAYBE_BEHAVIOURS,
    SUPPORT_BEHAVIOURS,
    CallLimits,
    ClientBehaviour,
    Exploration,
    LoopBehaviour,
    MaybeBehaviour,
    Policy,
    Rule,
    SupportBehaviour,
    Terms,
)
from serving.decision.policy.strict_toml import Section, TomlFile, read_text
from serving.decision.types import EFFORTS, Arm, Effort, Usd

_DAY_MS = 86_400_000


def load_policy(path: Path | str, arms: Sequence[Arm] | None = None) -> Policy:
    """Read a policy file.

    Parameters
    ----------
    path
        A `policy.toml`.
    arms
        Checks the names in rules where given.

    Raises
    ------
    BadPolicy
        With line and key of every error.
    """
    path = Path(path)
    return parse_policy(read_text(path, BadPolicy), path.name, arms)


def parse_policy(text: str, source: str = "policy.toml", arms: Sequence[Arm] | None = None) -> Policy:
    """Parse a policy; `source` names it in error messages.

    Raises
    ------
    BadPolicy
        With line and key of every error.

    Examples
    --------
    >>> policy = parse_policy('''
    ... value_of_success_usd = 0.5
    ... [tenant.acme]
    ... value_of_success_usd = 4
    ... ''')
    >>> policy.terms_for("acme").value("maths"), policy.terms_for(None).value("maths")
    (4.0, 0.5)
    >>> parse_policy("value_of_succes_usd = 2")
    Traceback (most recent call last):
        ...
    serving.decision.errors.BadPolicy: policy.toml, line 1, value_of_succes_usd: unknown key (did you mean \
'value_of_success_usd'?); known here: budget, client_effort, deadline_ms, expected_retries, exploration, full_support, \
guards, inside_tool_loops, latency_usd_per_second, limits, low_support, max_cost_usd, max_effort, maybe, \
min_support, name, rule, seed, sessions, switching_cost_usd, tenant, value_by_task, value_of_success_usd
    """
    file = TomlFile(text, source, BadPolicy)
    root = file.root
    name = root.text("name", "default")
    seed = root.whole("seed", 0)
    terms = _terms(root, Terms())
    tenant_table = root.section("tenant")
    tenants = {tenant: _tenant(tenant_table.section(tenant), terms) for tenant in tenant_table.keys}
    rules = tuple(_rule(section, arms) for section in root.sections("rule"))
    guards = read_health_settings(root.section("guards"))
    sessions = read_session_settings(root.section("sessions"))
    root.close()
    file.finish()
    return Policy(name, terms, tenants, rules, guards, sessions, seed, text)


class PolicySource:
    """A watched policy file; `live` is the last valid policy.

    Parameters
    ----------
    path
        A `policy.toml`.
    arms
        Checks the names in rules.

    Raises
    ------
    BadPolicy
        The file is invalid at the start.
    """

    def __init__(self, path: Path, arms: Sequence[Arm] | None = None) -> None:
        self._path, self._arms = path, arms
        self.live = load_policy(path, arms)
        self._seen = self.live.text

    def refresh(self) -> bool:
        """Read the file again.

        Returns
        -------
        bool
            True if the meaning of `live` changed.

        Raises
        ------
        BadPolicy
            The file changed and is invalid; `live` stays. The same invalid text is reported once.
        """
        text = read_text(self._path, BadPolicy)
        if text == self._seen:
            return False
        self._seen = text
        fresh = parse_policy(text, self._path.name, self._arms)
        changed = fresh.version != self.live.version
        self.live = fresh
        return changed


def _tenant(section: Section, base: Terms) -> Terms:
    terms = _terms(section, base)
    section.close()
    return terms


def _terms(section: Section, base: Terms) -> Terms:
    terms = Terms(
        value_of_success_usd=Usd(section.number("value_of_success_usd", base.value_of_success_usd)),
        value_by_task=_values(section, base),
        latency_usd_per_second=section.number("latency_usd_per_second", base.latency_usd_per_second),
        deadline_ms=_optional(section, "deadline_ms", base.deadline_ms, _DAY_MS),
        max_cost_usd=_cost_cap(section, base),
        maybe=cast(MaybeBehaviour, section.choice("maybe", base.maybe, MAYBE_BEHAVIOURS)),
        low_support=cast(SupportBehaviour, section.choice("low_support", base.low_support, SUPPORT_BEHAVIOURS)),
        min_support=section.number("min_support", base.min_support, high=1.0),
        full_support=section.number("full_support", base.full_support, high=1.0),
        client_effort=cast(ClientBehaviour, section.choice("client_effort", base.client_effort, CLIENT_BEHAVIOURS)),
        inside_tool_loops=cast(
            LoopBehaviour, section.choice("inside_tool_loops", base.inside_tool_loops, LOOP_BEHAVIOURS)
        ),
        max_effort=cast(Effort, section.choice("max_effort", base.max_effort, EFFORTS)),
        switching_cost_usd=section.number("switching_cost_usd", base.switching_cost_usd),
        expected_retries=section.number("expected_retries", base.expected_retries, high=10.0),
        exploration=_exploration(section.section("exploration"), base.exploration),
        limits=_limits(section.section("limits"), base.limits),
        budget=read_budget_settings(section, base.budget, str(section.path[-1]) if section.path else ""),
    )
    if terms.full_support < terms.min_support:
        key = "full_support" if section.has("full_support") else "min_support"
        section.fault(key, f"full_support {terms.full_support:g} is below min_support {terms.min_support:g}: raise it")
    return terms


def _values(section: Section, base: Terms) -> dict[str, Usd]:
    """Read values per task; a tenant's own default takes precedence over the shared values per task."""
    table = section.section("value_by_task")
    values = {} if section.has("value_of_success_usd") else dict(base.value_by_task)
    return values | {task: Usd(table.number(task, 0.0)) for task in table.keys}


def _optional(section: Section, key: str, base: float | None, high: float = math.inf) -> float | None:
    number = section.number(key, 0.0, high=high, above=True)
    return number if section.has(key) else base


def _cost_cap(section: Section, base: Terms) -> Usd | None:
    cap = _optional(section, "max_cost_usd", base.max_cost_usd)
    return None if cap is None else Usd(cap)


def _cap(section: Section, key: str, base: float | None) -> float | None:
    number = section.number(key, 0.0)
    return number if section.has(key) else base


def _exploration(section: Section, base: Exploration) -> Exploration:
    exploration = Exploration(
        use=section.number("use", base.use, high=1.0),
        maybe=section.number("maybe", base.maybe, high=1.0),
        avoid=section.number("avoid", base.avoid, high=1.0),
        explore=section.number("explore", base.explore, high=1.0),
        max_extra_usd_per_hour=_cap(section, "max_extra_usd_per_hour", base.max_extra_usd_per_hour),
    )
    section.close()
    return exploration


def _limits(section: Section, base: CallLimits) -> CallLimits:
    limits = CallLimits(
        reasoning_tokens=section.whole("reasoning_tokens", base.reasoning_tokens),
        reasoning_over_forecast=section.number("reasoning_over_forecast", base.reasoning_over_forecast, above=True),
        retries=section.whole("retries", base.retries, high=100),
        total_ms=section.whole("total_ms", base.total_ms, low=1, high=_DAY_MS),
    )
    section.close()
    return limits


def _rule(section: Section, arms: Sequence[Arm] | None) -> Rule:
    headers = section.section("header")
    rule = Rule(
        allow=section.strings("allow"),
        deny=section.strings("deny"),
        tasks=section.strings("task"),
        tenants=section.strings("tenant"),
        headers={name.lower(): headers.text(name) for name in headers.keys},
        line=section.line,
    )
    if not rule.allow and not rule.deny:
        section.fault(None, 'a rule needs `allow` or `deny`, e.g. deny = ["reasoning"]')
    names = [arm.name for arm in arms or ()]
    for key, chosen in (("allow", rule.allow), ("deny", rule.deny)):
        for name in chosen:
            if arms is not None and name not in names:
                section.fault(key, f"{name!r} is not an arm; the arms are {', '.join(names)}")
    if names and set(names) <= set(rule.deny):
        section.fault("deny", "this denies every arm: leave one")
    section.close()
    return rule
