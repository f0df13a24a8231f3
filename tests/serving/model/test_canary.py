"""The canary: its share of traffic, one side for a conversation, exact propensities, and what misfits gets none."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from serving.decision.engine import Engine
from serving.decision.policy.policy import Exploration, Policy, Terms
from serving.decision.types import Message, Request
from serving.model.canary import Canary
from serving.model.lifecycle import ModelLocations, OpenedModel, SideModels, follow_sources
from serving.model.live_model import LiveModel
from serving.model.prepared_model import PreparedModel, prepare_model
from serving.model.rollback_notice import RollbackBoard
from serving.model.slot import EngineSlot, LiveEngine
from serving.service.decision_service import DecisionService
from tests.support import bundles
from tests.support.fakes import Ticks
from tests.support.policy_cases import Counter

POLICY = Policy(terms=Terms(exploration=Exploration(use=0.5, maybe=0.5, avoid=0.5)))


def grounds() -> list[PreparedModel]:
    """Two bundles of the same arms at the same prices."""
    first, second = (prepare_model(bundles.exported(number), None) for number in (0, 1))
    return [first, replace(first, model=second.model)]


def asked(number: int, session: str | None = None) -> Request:
    return Request((Message("user", f"question {number}"),), session_id=session)


def test_its_share_of_prompts_and_all_of_a_session() -> None:
    old, new = grounds()
    live, canary = old.live(POLICY), Canary(0.2, lambda: POLICY)
    assert canary.pick(live, asked(0)) is live, "there is no bundle yet"
    canary.take(new)
    picked = [canary.pick(live, asked(number)).bundle_id for number in range(4000)]
    assert 0.17 < picked.count(new.model.bundle_id) / 4000 < 0.23
    assert picked == [canary.pick(live, asked(number)).bundle_id for number in range(4000)]
    for session in ("a", "b", "c", "d", "e", "f", "g", "h"):
        assert len({canary.pick(live, asked(number, session)).bundle_id for number in range(50)}) == 1
    none, all_of_it = Canary(0.0, lambda: POLICY), Canary(1.0, lambda: POLICY)
    none.take(new)
    all_of_it.take(new)
    assert {none.pick(live, asked(n)).bundle_id for n in range(200)} == {old.model.bundle_id}
    assert {all_of_it.pick(live, asked(n)).bundle_id for n in range(200)} == {new.model.bundle_id}


def test_a_decision_carries_the_name_and_the_propensity_of_who_made_it() -> None:
    old, new = grounds()
    canary = Canary(0.5, lambda: POLICY)
    canary.take(new)
    guard = DecisionService(EngineSlot(old.live(POLICY)), "baseline", Ticks(), Counter(), pick=canary.pick)
    engines = {ground.model.bundle_id: Engine(ground.model, POLICY, ground.prices) for ground in (old, new)}
    seen = set()
    for number in range(60):
        decided = guard.decide_recorded(asked(number))
        assert decided.record is not None
        again = engines[decided.decision.bundle_id].decide(asked(number), decided.record.runtime_state)
        assert (again.arm, again.propensity) == (decided.decision.arm, decided.decision.propensity)
        seen.add(decided.decision.bundle_id)
    assert seen == set(engines)


def test_other_prices_or_another_policy_get_no_traffic_until_it_follows() -> None:
    old, new = grounds()
    canary = Canary(1.0, lambda: POLICY)
    canary.take(prepare_model(bundles.exported(1), None))
    assert canary.pick(old.live(POLICY), asked(0)).bundle_id == old.model.bundle_id, "its prices differ"

    held = [POLICY]
    following = Canary(1.0, lambda: held[0])
    following.take(new)
    held[0] = Policy(terms=Terms(min_support=0.2))
    live: LiveEngine = old.live(held[0])
    assert following.pick(live, asked(0)) is live
    following.look()
    assert following.pick(live, asked(0)).bundle_id == new.model.bundle_id


def test_its_folder_is_followed_and_a_spoilt_one_stops_nothing(tmp_path: Path) -> None:
    arms = bundles.put(0, tmp_path / "live")
    canary = Canary(1.0, lambda: live_model.policy)
    places = ModelLocations(None, tmp_path / "cache", None, 0)
    live_model = LiveModel(prepare_model(arms, None), None)
    bundles.spoil(bundles.put(1, tmp_path / "spoilt"))
    opened = OpenedModel(prepare_model(arms, None))
    follow_sources(
        places, opened, live_model, RollbackBoard(), SideModels(None, None, canary, str(tmp_path / "spoilt"))
    )
    assert canary.bundle_id is None
    bundles.put(1, tmp_path / "next")
    follow_sources(places, opened, live_model, RollbackBoard(), SideModels(None, None, canary, str(tmp_path / "next")))
    assert canary.bundle_id == prepare_model(bundles.exported(1), None).model.bundle_id
