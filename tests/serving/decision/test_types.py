"""Value types of the kernel: the effort scale, defaults, value semantics."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, replace
from typing import get_args

import pytest

from serving.decision.types import EFFORTS, Arm, Effort, Message, Price, Request


def test_the_effort_scale_goes_from_no_reasoning_to_the_most() -> None:
    assert EFFORTS == ("none", "minimal", "low", "medium", "high", "xhigh", "max")
    assert set(EFFORTS) == set(get_args(Effort))


def test_requests_of_the_same_content_are_equal_and_hash_alike() -> None:
    one, other = (Request((Message("user", "hi"), Message("assistant", "hello")), tenant="t") for _ in range(2))
    assert one == other
    assert len({one, other, replace(one, tenant="u")}) == 2


def test_a_request_states_nothing_by_default() -> None:
    request = Request((Message("user", "hi"),))
    optional = (request.model, request.tenant, request.session_id, request.task, request.deadline_ms)
    assert set(optional) == {None}
    assert (request.value_of_success_usd, request.max_cost_usd, request.client_effort) == (None, None, None)
    assert request.tools == 0


def test_an_arm_is_the_unpriced_direct_one_by_default() -> None:
    arm = Arm("direct", "m")
    assert (arm.effort, arm.price, arm.gpu_usd_per_second) == ("none", None, None)


def test_configuration_is_frozen_at_run_time() -> None:
    with pytest.raises(FrozenInstanceError):
        Arm("a", "m").name = "b"  # type: ignore[misc]
    with pytest.raises(FrozenInstanceError):
        Price(1.0, 2.0).input = 3.0  # type: ignore[misc]
