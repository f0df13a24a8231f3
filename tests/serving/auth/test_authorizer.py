"""Authorizer: the required scope, expiry, rates, and why a call is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from serving.auth.api_keys import make_key
from serving.auth.authorizer import Authorizer, Caller, token_of
from serving.auth.key_file import write_keys
from serving.schemas.problems import FORBIDDEN, NO_KEY, RATE_LIMITED, Problem
from tests.support.api_keys import KeySet


@pytest.fixture
def keys(tmp_path: Path) -> KeySet:
    return KeySet(tmp_path)


def test_a_key_of_the_scope_is_authorized(keys: KeySet) -> None:
    for scope in ("decide", "report", "metrics", "admin"):
        caller = keys.authorizer.authorize(keys.token(scope), scope)
        assert caller == Caller(keys.keys[scope].key.key_id)
    assert keys.authorizer.authorize(keys.token("metrics"), "any key") == Caller(keys.keys["metrics"].key.key_id)
    assert not keys.authorizer.refused


def test_another_scope_is_forbidden_and_the_answer_names_the_one_that_is_needed(keys: KeySet) -> None:
    refused = keys.authorizer.authorize(keys.token("report"), "decide")
    assert isinstance(refused, Problem)
    assert refused.kind is FORBIDDEN
    assert "the scope decide" in refused.detail
    assert keys.authorizer.refused["forbidden", keys.keys["report"].key.key_id] == 1


def test_admin_if_locked_needs_an_admin_only_where_there_are_keys(keys: KeySet) -> None:
    assert isinstance(keys.authorizer.authorize(keys.token("decide"), "admin if locked"), Problem)
    assert isinstance(keys.authorizer.authorize(keys.token("admin"), "admin if locked"), Caller)


@pytest.mark.parametrize("token", [None, "", "tg_nobody_" + "0" * 64, "x" * 100_000, "\ud800", "old"])
def test_no_key_and_bad_keys_are_challenged(keys: KeySet, token: str | None) -> None:
    refused = keys.authorizer.authorize(keys.token("old") if token == "old" else token, "any key")
    assert isinstance(refused, Problem)
    assert refused.kind is NO_KEY
    assert dict(refused.headers)[b"www-authenticate"].startswith(b"Bearer")
    assert keys.authorizer.refused["unauthenticated", ""] == 1


def test_a_rate_is_kept_and_the_answer_says_when_to_try_again(keys: KeySet) -> None:
    answers = [keys.authorizer.authorize(keys.token("slow"), "decide") for _ in range(4)]
    assert [isinstance(answer, Caller) for answer in answers] == [True, True, True, False]
    refused = answers[-1]
    assert isinstance(refused, Problem)
    assert (refused.kind, dict(refused.headers)[b"retry-after"]) == (RATE_LIMITED, b"1")
    keys.clock.now += 1.01
    assert isinstance(keys.authorizer.authorize(keys.token("slow"), "decide"), Caller)


def test_a_batch_is_charged_by_item_and_an_unlimited_key_is_not(keys: KeySet) -> None:
    for name, waits in (("slow", True), ("decide", False)):
        caller = keys.authorizer.authorize(keys.token(name), "decide")
        assert isinstance(caller, Caller)
        keys.authorizer.charge(caller, 9)
        assert isinstance(keys.authorizer.authorize(keys.token(name), "decide"), Problem) is waits
    keys.clock.now += 7.9
    assert isinstance(keys.authorizer.authorize(keys.token("slow"), "decide"), Problem)
    keys.clock.now += 0.2
    assert isinstance(keys.authorizer.authorize(keys.token("slow"), "decide"), Caller)


def test_refreshing_picks_up_new_keys_and_their_rates(keys: KeySet) -> None:
    fresh = make_key("fresh", ["decide"], decisions_per_second=1.0, burst=1.0)
    write_keys(keys.path, [fresh.key])
    assert isinstance(keys.authorizer.authorize(fresh.token, "decide"), Problem)
    keys.authorizer.refresh()
    assert isinstance(keys.authorizer.authorize(fresh.token, "decide"), Caller)
    assert isinstance(keys.authorizer.authorize(fresh.token, "decide"), Problem)
    assert isinstance(keys.authorizer.authorize(keys.token("decide"), "decide"), Problem)


def test_without_keys_all_but_changes_are_open() -> None:
    authorizer = Authorizer()
    authorizer.refresh()
    for need in ("decide", "report", "metrics", "any key", "nothing", "admin if locked"):
        assert authorizer.authorize(None, need) == Caller()
    refused = authorizer.authorize("tg_x_y", "admin")
    assert isinstance(refused, Problem)
    assert "--keys" in refused.detail
    assert not authorizer.locked


def test_token_of_prefers_its_own_header() -> None:
    assert token_of("Bearer a", "b") == "b"
    assert token_of("Bearer ", None) is None
    assert token_of(None, None) is None
