"""The operator's policy as immutable values: terms per tenant, rules, exploration and call limits."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, get_args

import orjson

from serving.decision.policy.controls import BudgetSettings, HealthSettings, SessionSettings
from serving.decision.types import Bucket, Effort, Usd

MaybeBehaviour = Literal["expected", "baseline", "reason", "explore"]
"""Behaviour for a request whose interval of net benefit contains 0.

`expected` follows the point estimate; `baseline` takes the baseline arm; `reason` takes the best reasoning arm;
`explore` follows the point estimate, but draws a random arm for a share of the requests.
"""
SupportBehaviour = Literal["prior", "baseline", "reason", "explore"]
"""Behaviour for a request of low support; `prior` decides by prior knowledge of the kind of task."""
ClientBehaviour = Literal["honour", "default", "ignore"]
LoopBehaviour = Literal["keep", "where_allowed"]

MAYBE_BEHAVIOURS: tuple[MaybeBehaviour, ...] = get_args(MaybeBehaviour)
SUPPORT_BEHAVIOURS: tuple[SupportBehaviour, ...] = get_args(SupportBehaviour)
CLIENT_BEHAVIOURS: tuple[ClientBehaviour, ...] = get_args(ClientBehaviour)
LOOP_BEHAVIOURS: tuple[LoopBehaviour, ...] = get_args(LoopBehaviour)


@dataclass(frozen=True, slots=True)
class CallLimits:
    """Hard limits of one call; sent with every decision.

    Parameters
    ----------
    reasoning_tokens
        Most hidden tokens.
    reasoning_over_forecast
        Cap on hidden tokens as a multiple of the arm's forecast p95; stops a runaway call.
    retries
        Most retries.
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
        The share under the behaviour `explore`.
    max_extra_usd_per_hour
        Cap on the expected extra cost of random draws over the arms otherwise chosen; None for no cap. Once it is
        reached nothing is drawn for the rest of the hour.
    """

    use: float = 0.0
    maybe: float = 0.0
    avoid: float = 0.0
    explore: float = 0.2
    max_extra_usd_per_hour: float | None = None

    def share(self, bucket: Bucket) -> float:
        """Look the share of a bucket up."""
        return self.use if bucket == "use" else self.maybe if bucket == "maybe" else self.avoid


@dataclass(frozen=True, slots=True)
class Rule:
    """Which arms are allowed, for requests that match every condition of the rule.

    Parameters
    ----------
    allow
        If not empty, a matching request gets only these arms; several matching rules add up.
    deny
        Arms that a matching request never gets; takes precedence over everything else.
    tasks, tenants
        Conditions: any of them; () for no condition.
    headers
        Condition: lower-case name to the value it must have; `*` is any value.
    line
        Of the file; None for a rule made in code.
    """

    allow: tuple[str, ...] = ()
    deny: tuple[str, ...] = ()
    tasks: tuple[str, ...] = ()
    tenants: tuple[str, ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    line: int | None = None

    def matches(self, task: str | None, tenant: str | None, headers: Mapping[str, str]) -> bool:
        """Tell whether the rule applies to a request.

        Examples
        --------
        >>> Rule(deny=("reasoning",), headers={"x-batch": "*"}).matches(None, None, {"x-batch": "1"})
        True
        """
        if self.tasks and task not in self.tasks:
            return False
        if self.tenants and tenant not in self.tenants:
            return False
        for name, expected in self.headers.items():
            found = headers.get(name)
            if found is None or (expected != "*" and found != expected):
                return False
        return True


@dataclass(frozen=True, slots=True)
class Terms:
    """Terms of one tenant: values, limits and behaviours.

    Parameters
    ----------
    value_of_success_usd
        Value of a success where the request states none.
    value_by_task
        The same by task.
    latency_usd_per_second
        Price of a second of latency.
    deadline_ms
        Where the request states none; None for no deadline other than `limits.total_ms`.
    max_cost_usd
        Cap on the expected cost of a call; a request may set a lower one.
    maybe, low_support
        Behaviours.
    min_support
        Below it a request counts as outside the training data.
    full_support
        From it on prior knowledge has no weight; below, its weight rises linearly.
    client_effort
        `honour`: an effort stated by the client is used; `default`: it is used unless the client's program always
        sends the same one (Claude Code, Codex); `ignore`: thinkgate decides anyway.
    inside_tool_loops
        `keep`: an open tool loop keeps arm and effort; `where_allowed`: the effort is decided at each turn where the
        model's protocol allows a change inside the loop, and the model stays.
    max_effort
        Arms above it are not allowed, and a client's effort is lowered to it.
    switching_cost_usd
        Cost of changing the arm within a session, besides the lost prompt cache.
    expected_retries
        Per call, where live figures are missing.
    budget
        Spending limits; the cost multiplier of a decision follows from them.
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
    inside_tool_loops: LoopBehaviour = "keep"
    max_effort: Effort = "max"
    switching_cost_usd: float = 0.0
    expected_retries: float = 0.02
    exploration: Exploration = Exploration()
    limits: CallLimits = CallLimits()
    budget: BudgetSettings = BudgetSettings()

    def value(self, task: str | None) -> float:
        """Look the value of a success at a task up, in USD.

        Examples
        --------
        >>> Terms(value_by_task={"maths": Usd(2.0)}).value("maths"), Terms().value("maths")
        (2.0, 0.5)
        """
        return self.value_by_task.get(task, self.value_of_success_usd) if task else self.value_of_success_usd


@dataclass(frozen=True, slots=True)
class Policy:
    """The whole policy: shared terms, terms per tenant, rules.

    Parameters
    ----------
    name
        Display name.
    terms
        For tenants without terms of their own.
    tenants
        Complete terms by tenant: what the file does not state is taken from `terms`.
    rules
        In the file's order.
    guards, sessions
        For all tenants: how reported outcomes overrule forecasts, and how long sessions are remembered.
    seed
        Of the random draws for exploration.
    text
        Content of its file, for the journal; empty for a policy made in code.
    """

    name: str = "default"
    terms: Terms = Terms()
    tenants: Mapping[str, Terms] = field(default_factory=dict)
    rules: tuple[Rule, ...] = ()
    guards: HealthSettings = HealthSettings()
    sessions: SessionSettings = SessionSettings()
    seed: int = 0
    text: str = ""

    def terms_for(self, tenant: str | None) -> Terms:
        """Look the terms of a tenant up."""
        return self.tenants.get(tenant, self.terms) if tenant else self.terms

    @property
    def digest(self) -> str:
        """Hash the policy's meaning to 8 hex digits: comments, line breaks and the order of keys do not count.

        Journalled decisions name their policy by it, so the hashed keys keep the names that they had at first, and
        later ones are hashed only where they say something else than their default.
        """
        content: dict[str, Any] = asdict(self)
        del content["text"]
        content["memory"] = content.pop("sessions")
        for rule in content["rules"]:
            del rule["line"]
        for terms in (content["terms"], *content["tenants"].values()):
            terms["budget"]["purse"] = terms["budget"].pop("pool")
            if terms["inside_tool_loops"] == "keep":
                del terms["inside_tool_loops"]
        return hashlib.sha256(orjson.dumps(content, option=orjson.OPT_SORT_KEYS)).hexdigest()[:8]

    @property
    def version(self) -> str:
        """Identify the policy in a decision, e.g. `default@5d41402a`."""
        return f"{self.name}@{self.digest}"
