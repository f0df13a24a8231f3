"""The fake endpoint, served for one test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.fake_llm_endpoint import FakeEndpoint, serve


@pytest.fixture
def endpoint() -> Iterator[FakeEndpoint]:
    with serve(FakeEndpoint()) as served:
        yield served
