"""Sends generated bodies through an integration to a recording upstream, and holds the journal against what it got."""

from __future__ import annotations

import json
import random
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from serving.decision.engine import Engine
from serving.decision.policy.policy import Exploration, Policy, Terms
from serving.decision.prior.model import PriorModel
from serving.decision.types import Usd
from serving.gateways.envoy_exchange import Exchange, ExchangeServices
from serving.journal.factory import JournalSink
from serving.journal.rows import DecisionRow
from serving.journal.store import Store
from serving.journal.writer import Journal
from serving.model.slot import EngineSlot, LiveEngine
from serving.service.decision_service import DecisionService
from tests.support.envoy_gate import Gate
from tests.support.envoy_messages import body as whole_body
from tests.support.envoy_messages import call_headers
from tests.support.fakes import client_of
from tests.support.treatment_bodies import CHAT, FAMILIES, MESSAGES, Body, Family, make_body
from tests.support.treatment_reader import read_asked
from tests.support.webhook_gateways import plano_sends, portkey_envelope, portkey_sends

GATE_FAMILIES = tuple(
    (name, replace(family, arms=tuple(replace(arm, name=f"{name}-{arm.name}") for arm in family.arms)))
    for name, place in (("openai", 0), ("openai", 8), ("anthropic", 10), ("gemini", 13))
    for family in (FAMILIES[place],)
)
"""Those of the families that `envoy_gate` serves, by the header that chooses the provider."""
ID = "x-thinkgate-decision-id"
EXPLORING = Policy(
    terms=Terms(value_of_success_usd=Usd(0.5), min_support=0.0, exploration=Exploration(use=0.5, maybe=0.5, avoid=0.5))
)


@dataclass
class Sent:
    """One call as the upstream got it."""

    decision_id: str
    family: Family
    received: Body


@dataclass
class Findings:
    """What the journal says of all calls.

    Parameters
    ----------
    reasons
        Codes of `not_applied`, "" where the decision was applied, to calls.
    unknown
        Calls of which neither the body nor a document says what the provider does.
    decided_differs
        Calls that do not ask for what was decided, or of which that is not known: what a journal of decisions alone
        gets wrong.
    wrong
        Descriptions of rows that do not tell what the upstream got.
    """

    calls: int = 0
    undecided: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    unknown: int = 0
    decided_differs: int = 0
    wrong: list[str] = field(default_factory=list)


def run_in_process(folder: Path, number: int, seed: int) -> Findings:
    """Send bodies through `POST /v1/rewrite`, ext_proc exchanges and the webhooks of Plano and Portkey, in turn."""
    rng, findings = random.Random(seed), Findings()
    for place, family in enumerate(FAMILIES):
        share = number // len(FAMILIES) + (place < number % len(FAMILIES))
        url = f"sqlite:///{folder / f'{place}.db'}"
        store = Store(url)
        store.upgrade()
        journal = Journal(store, folder / f"{place}.spool")
        service = _service(family, journal)
        sent = [_call(service, family, make_body(rng, family), WAYS[n % len(WAYS)]) for n in range(share)]
        journal.close()
        check(url, [each for each in sent if each is not None], findings)
        findings.undecided += sum(each is None for each in sent)
    return findings


def run_through_envoy(gate: Gate, number: int, seed: int) -> Findings:
    """Send bodies through the real Envoy and the real server to a recording upstream."""
    rng, findings, sent = random.Random(seed), Findings(), list[Sent]()
    for place in range(number):
        provider, family = GATE_FAMILIES[place % len(GATE_FAMILIES)]
        body = make_body(rng, family)
        body.pop("stream", None)  # the fake upstream streams on command only
        gate.post(family.path, body, provider)
        got = gate.upstream.last
        if ID in got.headers:
            sent.append(Sent(got.headers[ID], family, got.json()))
        else:
            findings.undecided += 1
    url = f"sqlite:///{gate.journal}"
    store = Store(url)
    end = time.monotonic() + 20.0
    while len(store.decisions([each.decision_id for each in sent])) < len(sent) and time.monotonic() < end:
        time.sleep(0.1)
    store.close()
    check(url, sent, findings)
    return findings


def check(url: str, sent: Sequence[Sent], findings: Findings) -> None:
    """Hold the rows of a journal against what the upstream got."""
    store = Store(url)
    rows = {row.decision_id: row for row in store.decisions([each.decision_id for each in sent])}
    store.close()
    for each in sent:
        findings.calls += 1
        row = rows.get(each.decision_id)
        fault = "no row" if row is None else _fault(row, each, findings)
        if fault:
            findings.wrong.append(f"{fault}: {json.dumps(each.received)[:400]}")


def _fault(row: DecisionRow, sent: Sent, findings: Findings) -> str:
    asked = read_asked(sent.received, sent.family.url_model)
    findings.reasons[row.not_applied or ""] += 1
    findings.unknown += row.applied_effort is None
    findings.decided_differs += not asked.agrees(row.model, row.effort)
    if not asked.agrees(row.applied_model, row.applied_effort):
        return f"the journal says {row.applied_model} {row.applied_effort}, the upstream got {asked}"
    arms = {arm.name: arm for arm in sent.family.arms}
    if row.applied_arm is not None:
        arm = arms[row.applied_arm]
        if not asked.agrees(arm.model, arm.effort):
            return f"the journal says arm {arm.name}, the upstream got {asked}"
    same = [arm.name for arm in arms.values() if (arm.model, arm.effort) == (row.applied_model, row.applied_effort)]
    if same and row.applied_arm not in same:
        return f"the journal says arm {row.applied_arm}, it is {same}"
    if row.not_applied is None and row.applied_arm != row.arm and row.effort == arms[row.arm].effort:
        return f"applied, and yet {row.applied_arm} in place of {row.arm}"
    if row.applied_arm is not None and not 0.0 < (row.applied_propensity or 0.0) <= 1.0:
        return f"propensity {row.applied_propensity}"
    return ""


def _service(family: Family, journal: Journal) -> DecisionService:
    engine = Engine(PriorModel(family.arms), EXPLORING, arms=family.arms)
    live = LiveEngine(engine, family.arms, "prior", engine.version, bound_policy=engine.bound_policy)
    sinks = [JournalSink(journal, "none")]
    return DecisionService(EngineSlot(live), "baseline", lambda: 0, _no_id, (), sinks)


def _no_id() -> str:
    raise AssertionError("no fallback is wanted here")


Way = Callable[[DecisionService, Family, Body], tuple[str, Body] | None]
"""Sends a body through an integration; gives the decision's id and what the upstream got, None where not decided."""


def _call(service: DecisionService, family: Family, body: Body, way: Way) -> Sent | None:
    got = way(service, family, body)
    return None if got is None else Sent(got[0], family, got[1])


def _by_rewrite(service: DecisionService, family: Family, body: Body) -> tuple[str, Body] | None:
    path = "/v1/rewrite" + (f"?model={family.url_model}" if family.url_model else "")
    answer = client_of(service).post(path, body)
    return (answer.headers[ID], answer.json()) if answer.status == 200 else None


def _by_envoy(service: DecisionService, family: Family, body: Body) -> tuple[str, Body] | None:
    exchange = Exchange(ExchangeServices(service, lambda: 5.0, lambda: 1.7e9, 1_000_000))
    exchange.request_headers(call_headers(family.path, content_length=str(len(json.dumps(body)))))
    change = exchange.request_body(whole_body(body)).request_body.response
    headers: Mapping[str, Any] = {
        option.header.key: option.header.raw_value.decode() for option in change.header_mutation.set_headers
    }
    if ID not in headers:
        return None
    received = json.loads(change.body_mutation.body) if change.body_mutation.HasField("body") else body
    return headers[ID], received


def _by_plano(service: DecisionService, family: Family, body: Body) -> tuple[str, Body] | None:
    if family.url_model is not None:
        return _by_rewrite(service, family, body)  # an endpoint that Plano does not have
    answer = client_of(service).post(f"/v1/webhooks/plano{family.path}", body)
    return (answer.headers[ID], plano_sends(body, answer.json(), family.path)) if ID in answer.headers else None


def _by_portkey(service: DecisionService, family: Family, body: Body) -> tuple[str, Body] | None:
    kinds = {CHAT: ("openai", "chatComplete"), MESSAGES: ("anthropic", "messages")}
    if family.path not in kinds:
        return _by_rewrite(service, family, body)  # Portkey runs no hook there
    provider, kind = kinds[family.path]
    answer = client_of(service).post("/v1/webhooks/portkey", portkey_envelope(body, provider, kind)).json()
    known = answer.get("data", {}).get("decision_id")
    return (known, portkey_sends(body, answer, provider, kind)) if known else None


WAYS: tuple[Way, ...] = (_by_rewrite, _by_envoy, _by_plano, _by_portkey)
