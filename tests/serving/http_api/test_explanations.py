"""`GET /v1/decisions/ID`: the journal's decision made again with its sum, its outcome, and no word of the prompt."""

from __future__ import annotations

import contextlib
import random
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.exc import SQLAlchemyError

from serving.decision.ids import IdSource
from serving.decision.policy.policy import Policy, Terms
from serving.decision.pricing.price_book import price_book
from serving.decision.prior.model import PriorModel
from serving.decision.types import Arm, Price, Usd
from serving.http_api.explanations import ExplanationAnswer, ExplanationRoutes
from serving.journal import Journal, OutcomeRow, Store
from serving.journal.factory import JournalSink
from serving.journal.redaction import StorePrompts
from serving.model.prepared_model import PreparedModel
from serving.model.slot import EngineSlot
from serving.service.decision_service import DecisionService
from serving.service.policy_snapshots import PolicySnapshots
from tests.support.fakes import BrokenDecider, Client, client_of

PRICE = Price(1.25, 10.0, 0.125)
ARMS = (Arm("direct", "m", "none", price=PRICE), Arm("reasoning", "m", "high", price=PRICE))
SECRET = "Prove that the secret project Falcon pays."


class Served:
    """A decision service over the prior with a journal, policy snapshots and the route."""

    def __init__(self, folder: Path, privacy: StorePrompts = "hash") -> None:
        prior = PriorModel(ARMS)
        self.prepared = PreparedModel(prior, prior, ARMS, price_book(ARMS))
        self.slot = EngineSlot(self.prepared.live(Policy()))
        self.url = f"sqlite:///{folder / 'journal.db'}"
        self.journal = Journal(Store(self.url), folder / "spool")
        self.snapshots = PolicySnapshots(self.slot, self.journal.store)
        sinks = [JournalSink(self.journal, privacy), self.snapshots]
        ids = IdSource(time.time, random.Random(1))
        self.service = DecisionService(self.slot, "baseline", time.perf_counter_ns, ids, (), sinks)
        self.client = self.client_with(self.snapshots)

    def client_with(self, snapshots: PolicySnapshots) -> Client:
        return client_of(self.service, routes=(ExplanationRoutes(self.journal.store, snapshots).route,))

    def decide(self, **more: Any) -> dict[str, Any]:
        answer = self.client.post("/v1/decisions", {"prompt": SECRET, "tenant": "acme", **more})
        assert answer.status == 200
        explanation: dict[str, Any] = answer.json()
        return explanation

    def explain(self, decision_id: str, client: Client | None = None) -> dict[str, Any]:
        answer = (client or self.client).get(f"/v1/decisions/{decision_id}")
        assert answer.status == 200, answer.body
        explanation: dict[str, Any] = answer.json()
        return explanation


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    it = Served(tmp_path)
    yield it
    it.journal.close()


def test_a_decision_is_made_again_and_laid_open(served: Served) -> None:
    decided = served.decide(value_of_success_usd=0.5)
    explanation = served.explain(decided["decision_id"])
    ExplanationAnswer.model_validate(explanation)
    assert explanation["same"] is True
    assert explanation["note"] == ""
    for name in ("arm", "effort", "bucket", "propensity", "reason", "policy"):
        assert explanation[name] == decided[name]
    sums = explanation["arithmetic"]["arms"]
    assert list(sums) == ["direct", "reasoning"]
    for arm, estimate in decided["estimates"].items():
        assert sums[arm]["cost_usd"] == estimate["cost_usd"]
        assert sums[arm]["success_usd"] == pytest.approx(0.5 * estimate["success"])
    assert explanation["arithmetic"]["prior_weight"] == 1.0
    assert explanation["outcome"] is None


def test_the_outcome_stands_beside_it(served: Served) -> None:
    decided = served.decide()
    served.journal.report([OutcomeRow(decided["decision_id"], 1.0, success=1.0, cost_usd=0.02)]).result(10)
    outcome = served.explain(decided["decision_id"])["outcome"]
    assert (outcome["success"], outcome["cost_usd"]) == (1.0, 0.02)


def test_no_word_of_the_prompt_unless_prompts_are_stored(tmp_path: Path) -> None:
    for privacy, kept in (("none", False), ("hash", False), ("redacted", True), ("full", True)):
        folder = tmp_path / privacy
        folder.mkdir()
        served = Served(folder, privacy)  # type: ignore[arg-type]
        explanation = served.explain(served.decide()["decision_id"])
        assert ("Falcon" in str(explanation)) is kept
        assert (explanation["messages"] is not None) is kept
        served.journal.close()


def wait_for(check: Callable[[], object]) -> None:
    end = time.monotonic() + 10
    while time.monotonic() < end:
        with contextlib.suppress(SQLAlchemyError):  # its tables may not be there yet
            if check():
                return
        time.sleep(0.02)
    pytest.fail("it did not happen")


def test_old_terms_are_read_from_the_journal_by_another_process(served: Served) -> None:
    old = served.decide()
    wait_for(lambda: served.journal.store.policy_snapshot(old["policy"]))
    served.slot.swap(served.prepared.live(Policy("new", Terms(value_of_success_usd=Usd(9.0)))))
    new = served.decide()
    assert new["policy"] != old["policy"]
    elsewhere = served.client_with(PolicySnapshots(served.slot, Store(served.url)))
    explanation = served.explain(old["decision_id"], elsewhere)
    assert explanation["same"] is True
    assert explanation["arithmetic"]["value_of_success_usd"] == 0.5
    # A policy made in code has no text: another process can't bind it again, and says so.
    wait_for(lambda: served.journal.store.policy_snapshot(new["policy"]))
    explanation = served.explain(new["decision_id"], elsewhere)
    assert explanation["arithmetic"] is None
    assert "does not hold" in explanation["note"]


def test_a_fallback_has_no_sum(served: Served) -> None:
    served.slot.swap(replace(served.slot.live, decider=BrokenDecider(), prior=None))
    explanation = served.explain(served.decide()["decision_id"])
    assert (explanation["fallback"], explanation["arithmetic"], explanation["same"]) == ("baseline", None, None)
    assert "fallback answered" in explanation["note"]


def test_what_is_not_there_is_a_clear_404(served: Served) -> None:
    served.explain(served.decide()["decision_id"])
    for unknown in ("nothing", "0" * 26, "é" * 3, "x" * 500):
        answer = served.client.get(f"/v1/decisions/{unknown}")
        assert answer.status == 404
        assert "no such decision" in answer.json()["detail"]
    bare = client_of(served.service, routes=(ExplanationRoutes(None, None).route,))
    answer = bare.get("/v1/decisions/x")
    assert (answer.status, answer.json()["type"]) == (404, "urn:thinkgate:problem:no-journal")


def test_a_journal_that_is_down_is_a_503(served: Served, tmp_path: Path) -> None:
    empty = Store(f"sqlite:///{tmp_path / 'empty.db'}")  # never upgraded: it has no tables
    client = client_of(served.service, routes=(ExplanationRoutes(empty, served.snapshots).route,))
    assert client.get(f"/v1/decisions/{'0' * 26}").status == 503
