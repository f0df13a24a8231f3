"""The rollback route: the previous bundle is live again in every worker, and a second call undoes the first."""

from __future__ import annotations

from pathlib import Path

import pytest

from serving.http_api.rollback import RollbackAnswer, rollback_route
from serving.model.lifecycle import ModelLifecycle
from serving.model.live_model import LiveModel
from serving.model.prepared_model import prepare_model
from serving.model.rollback_notice import RollbackBoard
from tests.support.bundles import put
from tests.support.fakes import Client, LengthDecider, client_of, make_service

PATH = "/v1/model/rollback"


@pytest.fixture
def live_model(tmp_path: Path) -> LiveModel:
    return LiveModel(prepare_model(put(1, tmp_path / "first"), None), None)


def client(live_model: LiveModel) -> Client:
    lifecycle = ModelLifecycle(live_model, RollbackBoard())
    return client_of(make_service(LengthDecider()), routes=(rollback_route(lifecycle),))


def test_previous_bundle_is_live_again_and_a_second_call_undoes_it(live_model: LiveModel, tmp_path: Path) -> None:
    first = live_model.slot.live.bundle_id
    second = live_model.renew(prepare_model(put(2, tmp_path / "second"), None)).bundle_id
    http = client(live_model)
    answer = RollbackAnswer.model_validate(http.post(PATH, {}).json())
    assert (answer.bundle_id, answer.left) == (first, second)
    assert live_model.slot.live.bundle_id == first
    assert http.post(PATH, {}).json() == {"bundle_id": second, "left": first}
    assert live_model.slot.live.bundle_id == second


def test_without_a_previous_bundle_nothing_changes(live_model: LiveModel) -> None:
    before = live_model.slot.live.bundle_id
    answer = client(live_model).post(PATH, {})
    assert (answer.status, answer.json()["type"]) == (409, "urn:thinkgate:problem:nothing-before")
    assert live_model.slot.live.bundle_id == before


def test_reading_the_path_rolls_nothing_back(live_model: LiveModel) -> None:
    answer = client(live_model).get(PATH)
    assert (answer.status, answer.headers["allow"]) == (405, "POST")
