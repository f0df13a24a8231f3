"""The journal says what the provider was asked for: generated bodies, a recording upstream, a reader of its own."""

from __future__ import annotations

from pathlib import Path

import pytest

from serving.journal.store import Store
from tests.support.journal_rows import decision
from tests.support.treatment_bodies import FAMILIES, Body
from tests.support.treatment_reader import Asked, read_asked
from tests.support.treatment_runs import Findings, Sent, check, run_in_process


def test_the_journal_tells_of_a_thousand_bodies_what_the_upstream_got(tmp_path: Path) -> None:
    found = run_in_process(tmp_path, 1000, seed=13)
    assert found.wrong == []
    assert found.calls + found.undecided == 1000
    assert found.calls > 950
    # The bodies reach what they are made for: both what is applied and every kind of reason why not.
    assert found.reasons[""] > 300
    assert {"tool_loop", "unknown_model", "limit", "conflict:temperature", "conflict:top_p"} <= set(found.reasons)
    assert found.unknown < 0.15 * found.calls


@pytest.mark.parametrize(
    ("received", "told"),
    [
        ({"model": "gpt-5.1", "temperature": 0.2}, "upstream got"),
        ({"model": "gpt-5.1", "reasoning_effort": "low"}, "upstream got"),
        ({"model": "o3", "reasoning_effort": "high"}, "upstream got"),
    ],
)
def test_a_journal_that_repeats_the_decision_is_found_out(tmp_path: Path, received: Body, told: str) -> None:
    """What was written before: the decided effort, whatever became of it (case 04 of the gateway)."""
    url = f"sqlite:///{tmp_path / 'journal.db'}"
    store = Store(url)
    store.upgrade()
    row = {"arm": "reasoning", "effort": "high", "applied_model": "gpt-5.1", "applied_effort": "high"}
    store.append([decision("d", **row, applied_arm="reasoning", applied_propensity=1.0)], [])
    store.close()
    found = Findings()
    check(url, [Sent("d", FAMILIES[0], received), Sent("gone", FAMILIES[0], received)], found)
    assert [told in found.wrong[0], "no row" in found.wrong[1]] == [True, True]


@pytest.mark.parametrize(
    ("body", "asked"),
    [
        ({"model": "gpt-5.1", "temperature": 0.2}, Asked("gpt-5.1", "none", False)),
        ({"model": "gpt-5.1", "reasoning_effort": "high"}, Asked("gpt-5.1", "high", True)),
        ({"model": "o3", "reasoning": {"effort": "low"}}, Asked("o3", "low", True)),
        ({"model": "claude-sonnet-4-5", "thinking": {"type": "disabled"}}, Asked("claude-sonnet-4-5", None, False)),
        ({"model": "glm-4.6"}, Asked("glm-4.6", None, True)),
        ({"model": "nobody-knows-it", "reasoning_effort": "high"}, Asked("nobody-knows-it", None, None)),
    ],
)
def test_the_reader_knows_the_words(body: dict[str, object], asked: Asked) -> None:
    assert read_asked(body) == asked
    assert not asked.agrees("another", asked.level)
    assert not asked.agrees(asked.model, "xhigh" if asked.thinks is None else "none" if asked.thinks else "high")
