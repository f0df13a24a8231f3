"""`thinkgate decide` as it is typed."""

from __future__ import annotations

import io
import sys

import pytest

from tests.support import bundles
from tests.support.cli_runner import ThinkgateRunner


def test_a_prompt_is_decided(thinkgate: ThinkgateRunner) -> None:
    done = thinkgate("decide", bundles.exported(0), "--prompt", "plan three steps", "--value", "0.2")
    assert done.code == 0, done.err
    assert "serve with" in done.out
    assert "reasoning" in done.out


def test_a_dash_reads_the_prompt_from_standard_input(
    thinkgate: ThinkgateRunner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(""))
    empty = thinkgate("decide", bundles.exported(0), "--prompt", "-")
    monkeypatch.setattr(sys, "stdin", io.StringIO("plan three steps"))
    full = thinkgate("decide", bundles.exported(0), "--prompt", "-")
    typed = thinkgate("decide", bundles.exported(0), "--prompt", "plan three steps")
    assert full.code == 0
    assert full.out.splitlines()[0] == typed.out.splitlines()[0]
    assert empty.out != full.out


def test_explain_shows_the_sum_and_what_is_missing(thinkgate: ThinkgateRunner) -> None:
    done = thinkgate("decide", bundles.exported(0), "--prompt", "plan three steps", "--explain")
    assert done.code == 0, done.err
    assert "net benefit" in done.out
    assert "no features and cases" in done.out


def test_a_missing_bundle_is_named(thinkgate: ThinkgateRunner) -> None:
    done = thinkgate("decide", "nowhere", "--prompt", "hi")
    assert done.code == 2
    assert "nowhere" in done.error
