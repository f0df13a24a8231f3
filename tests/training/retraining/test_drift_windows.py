"""Journalled decisions as drift windows: what is known is read, what is not is NaN or left out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from serving.decision.bundle.loader import Bundle, load_bundle
from serving.decision.engine import Engine
from serving.journal.rows import JournalEntry
from tests.support import bundles
from tests.support import tiny_models as tiny
from tests.support.synthetic_journal import EXPLORING, Clock, in_order, journal, keep, traffic
from training.retraining.drift_windows import project_requests, traffic_window
from training.synthetic import World


@pytest.fixture(scope="module")
def bundle() -> Bundle:
    return load_bundle(bundles.exported(0))


@pytest.fixture(scope="module")
def entries(bundle: Bundle, tmp_path_factory: pytest.TempPathFactory) -> Sequence[JournalEntry]:
    folder: Path = tmp_path_factory.mktemp("journal")
    clock = Clock()
    store = journal(folder / "journal.db")
    engine = Engine(bundle, EXPLORING, clock=clock)
    keep(store, traffic(engine, clock, in_order(World(seed=5).sample(20)), np.random.default_rng(0)))
    found = list(store.entries())
    store.close()
    return found


def test_a_window_holds_forecasts_and_what_became_of_them(entries: Sequence[JournalEntry], bundle: Bundle) -> None:
    found = traffic_window(entries, bundle)
    assert len(found) == 20
    assert found.embedding.shape[0] == 20
    assert found.arm.tolist() == [entry.decision.arm for entry in entries]
    assert entries[0].outcome is not None
    assert entries[0].outcome.success is not None
    assert found.residual[0] == pytest.approx(entries[0].outcome.success - entries[0].decision.expected_success)
    assert entries[0].outcome.output_tokens is not None
    ratio = (entries[0].outcome.output_tokens + 1) / (entries[0].decision.expected_output_tokens + 1)
    assert found.log_token_ratio[0] == pytest.approx(np.log(ratio))


def test_fallbacks_are_left_out_and_unknown_outcomes_are_nan(entries: Sequence[JournalEntry], bundle: Bundle) -> None:
    first, second, third = entries[:3]
    assert third.outcome is not None
    other = "reasoning" if third.decision.arm == "direct" else "direct"
    changed = [
        JournalEntry(replace(first.decision, replay=None), first.outcome),
        JournalEntry(second.decision, None),
        JournalEntry(third.decision, replace(third.outcome, arm=other)),
    ]
    found = traffic_window(changed, bundle)
    assert len(found) == 2
    assert np.isnan(found.residual).all(), "an outcome of another arm says nothing of this forecast"


def test_without_stored_prompts_there_is_no_embedding(entries: Sequence[JournalEntry], bundle: Bundle) -> None:
    blind = [JournalEntry(replace(entry.decision, messages=None), entry.outcome) for entry in entries]
    assert traffic_window(blind, bundle).embedding.shape == (0, 0)
    assert len(traffic_window(blind, bundle)) == 20


def test_equal_texts_have_equal_projections(bundle: Bundle) -> None:
    one, same, other = project_requests(
        [tiny.request("plan three steps"), tiny.request("plan three steps"), tiny.request("why is the sum 17 ?")],
        bundle,
    )
    np.testing.assert_array_equal(one, same)
    assert np.abs(one - other).max() > 0.01
    alone = project_requests([tiny.request("plan three steps")], bundle)[0]
    np.testing.assert_allclose(alone, one)
