"""What the operator wants, in the operator's own terms: values that a decision reads and nothing changes."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Literal, get_args

import orjson

from serving.decision.policy.controls import BudgetSettings, HealthSettings, SessionSettings
from serving.decision.types import Bucket, Effort, Usd

MaybeBehaviour = Literal["expected", "baseline", "reason", "explore"]
"""What happens to a request for which the interval of net benefit holds 0.

`expected` follows the point estimate; `baseline` stays with the baseline arm; `reason` takes the best arm that thinks;
`explore` follows the point estimate, but draws an arm at random for a share of the requests.
"""
SupportBehaviour = Literal["prior", "baseline", "reason", "explore"]
"""What happens to a request outside what was learnt; `prior` decides by prior knowledge of the kind of task."""
ClientBehaviour = Literal["honour", "ignore"]

MAYBE_BEHAVIOURS: tuple[MaybeBehaviour, ...] = get_args(MaybeBehaviour)
SUPPORT_BEHAVIOURS: tuple[SupportBehaviour, ...] = get_args(SupportBehaviour)
CLIENT_BEHAVIOURS: tuple[ClientBehaviour, ...] = get_args(ClientBehaviour)
BUCKETS: tuple[Bucket, ...] = get_args(Bucket)


@dataclass(frozen=True, slots=True)
class CallLimits:
    """Hard limits of one call; every decision carries them on.

    Parameters
    ----------
    reasoning_tokens
        Most hidden tokens.
    reasoning_over_forecast
        Cap on hidden tokens as a multiple of the p95 of the arm's forecast: what stops a bloated call.
    retries
        Most repeated calls.
    total_ms
        Most milliseconds from request to reply; also a deadline for every request.
    """

    reasoning_tokens: int = 32_000
    reasoning_over_forecast: float = 2.0
    retries: int = 1
    total_ms: int = 300_000


@dataclass(frozen=True, slots=True)
class Exploration:
    """Share of requests, per bucket, that draw an arm at random among those that may serve.

    Parameters
    ----------
    explore
        The share that the behaviour `explore` stands for.
    max_extra_usd_per_hour
        Most that draws may be expected to cost beyond the arms that would have been taken; None for no cap. Once it is
        reached nothing is drawn for the rest of the hour.
    """

    use: float = 0.0
    maybe: float = 0.0
    avoid: float = 0.0
    explore: float = 0.2
    max_extra_usd_per_hour: float | None = None

    def share(self, bucket: Bucket) -> float:
        """Give the share of a bucket."""
        return self.use if bucket == "use" else self.maybe if bucket == "maybe" else self.avoid


@dataclass(frozen=True, slots=True)
class Rule:
    """Which arms may serve, for requests that match every condition the rule states.

    Parameters
    ----------
    allow
        Arms; where it is not empty, a matching request gets no other. Several matching rules add up.
    deny
        Arms that a matching request never gets; wins over everything else.
    tasks, tenants
        Conditions: any of them; () for no condition.
    headers
        Condition: lower-case name to the value it must have; `*` is any value.
    line
        Where the rule stands in the file.
    """

    allow: tuple[str, ...] = ()
    deny: tuple[str, ...] = ()
    tasks: tuple[str, ...] = ()
    tenants: tuple[str, ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    line: int = 0

    def matches(self, task: str | None, tenant: str | None, headers: Mapping[str, str]) -> bool:
        """Tell whether the rule speaks of this request.

        Examples
        --------
        >>> Rule(deny=("reasoning",), headers={"x-batch": "*"}).matches(None, None, {"x-batch": "1"})
        True
        """
        if self.tasks and task not in self.tasks:
            return False
        if self.tenants and tenant not in self.tenants:
            return False
        for name, wanted in self.headers.items():
            found = headers.get(name)
            if found is None or (wanted != "*" and found != wanted):
                return False
        return True


@dataclass(frozen=True, slots=True)
class Terms:
    """The operator's terms for one tenant.

    Parameters
    ----------
    value_of_success_usd
        What a success is worth where the request does not say it.
    value_by_task
        The same for single tasks.
    latency_usd_per_second
        What a second of waiting costs.
    deadline_ms
        Where the request has none; None for no deadline but `limits.total_ms`.
    max_cost_usd
        Most that a call is expected to cost; a request may ask for less.
    maybe, low_support
        Behaviours.
    min_support
        Below it a request is outside what was learnt.
    full_support
        From it on prior knowledge has no say; below, it fades in linearly.
    client_effort
        `honour`: an effort that the client states itself is used; `ignore`: thinkgate decides all the same.
    max_effort
        No arm above it serves, and a client's effort is lowered to it.
    switching_cost_usd
        What it costs to change the arm within a session, beside the lost prompt cache.
    expected_retries
        Per call, where live figures are missing.
    budget
        What may be spent; the cost multiplier of a decision follows from it.
    """

    value_of_success_usd: Usd = Usd(0.50)
    value_by_task: Mapping[str, Usd] = field(default_factory=dict)
    latency_usd_per_second: float = 0.0
    deadline_ms: float | None = None
    max_cost_usd: Usd | None = None
    maybe: MaybeBehaviour = "expected"
    low_support: SupportBehaviour = "prior"
    min_support: float = 0.1
    full_support: float = 0.3
    client_effort: ClientBehaviour = "honour"
    max_effort: Effort = "max"
    switching_cost_usd: float = 0.0
    expected_retries: float = 0.02
    exploration: Exploration = Exploration()
    limits: CallLimits = CallLimits()
    budget: BudgetSettings = BudgetSettings()

    def value(self, task: str | None) -> float:
        """Give the value of a success at a task, in USD.

        Examples
        --------
        >>> Terms(value_by_task={"maths": Usd(2.0)}).value("maths"), Terms().value("maths")
        (2.0, 0.5)
        """
        return self.value_by_task.get(task, self.value_of_success_usd) if task else self.value_of_success_usd


@dataclass(frozen=True, slots=True)
class Policy:
    """The whole policy: terms for all, terms per tenant, rules.

    Parameters
    ----------
    name
        What people call it.
    terms
        For tenants that have none of their own.
    tenants
        Complete terms by tenant: what the file does not state is taken from `terms`.
    rules
        In the file's order.
    guards, memory
        For all tenants: how outcomes overrule forecasts, and how long sessions are remembered.
    seed
        Of the draws for exploration.
    text
        The file it was read from, for the journal; empty for a policy made in code.
    """

    name: str = "default"
    terms: Terms = Terms()
    tenants: Mapping[str, Terms] = field(default_factory=dict)
    rules: tuple[Rule, ...] = ()
    guards: HealthSettings = HealthSettings()
    memory: SessionSettings = SessionSettings()
    seed: int = 0
    text: str = ""

    def terms_for(self, tenant: str | None) -> Terms:
        """Give the terms of a tenant."""
        return self.tenants.get(tenant, self.terms) if tenant else self.terms

    @property
    def digest(self) -> str:
        """Give 8 hex digits of what the policy says; comments, line breaks and the order of keys do not count."""
        said = asdict(self)
        del said["text"]
        for rule in said["rules"]:
            del rule["line"]
        return hashlib.sha256(orjson.dumps(said, option=orjson.OPT_SORT_KEYS)).hexdigest()[:8]

    @property
    def version(self) -> str:
        """Name the policy in a decision, e.g. `default@5d41402a`."""
        return f"{self.name}@{self.digest}"
