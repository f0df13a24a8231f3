"""Parity of graph and reference, and golden vectors that hold on other machines."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from serving.decision.features import FEATURE_NAMES
from tests.support import tiny_models as tiny
from tests.support.graphs import TEXTS
from training.encoders.design_matrix import design_rows
from training.export.graph import build_graph
from training.export.parity import (
    NAMES,
    PARITY,
    ParityBroken,
    check_parity,
    max_difference,
    stable_rows,
)
from training.export.reference import predict
from training.models.fitted_model import TreeHead


def test_equal_graphs_agree_to_the_last_digits() -> None:
    found = check_parity(
        build_graph(tiny.model(2), tiny.encoder(), len(FEATURE_NAMES)), tiny.model(2), tiny.encoder(), TEXTS
    )
    assert 0 < found.difference <= PARITY
    assert found.embedding_difference == 0
    assert found.compared == len(TEXTS)


def test_a_graph_of_another_model_is_noticed() -> None:
    model = tiny.model(2)
    other = replace(model, widening=model.widening + 0.01)
    with pytest.raises(ParityBroken, match="differ by"):
        check_parity(build_graph(other, tiny.encoder(), len(FEATURE_NAMES)), model, tiny.encoder(), tiny.requests(10))


def test_a_graph_of_another_encoder_is_noticed() -> None:
    """The heads agree on the rows that they see; the rows do not."""
    moved = replace(tiny.encoder(), table=tiny.encoder().table + np.float32(0.125))
    graph = build_graph(tiny.model(2), moved, len(FEATURE_NAMES))
    with pytest.raises(ParityBroken, match="embeddings"):
        check_parity(graph, tiny.model(2), tiny.encoder(), tiny.requests(10))


def test_gap_is_relative_above_one_and_keeps_nan() -> None:
    wanted = predict(tiny.model(2), design_rows(tiny.encoder(), tiny.requests(4)))
    found = {name: np.array(getattr(wanted, name), np.float64) for name in NAMES}
    assert max_difference(found, wanted).tolist() == [0.0] * 4
    found["output_tokens_p95"][1] *= 1.001
    found["success"][2] += 0.002
    found["support"][3] = np.nan
    worst = max_difference(found, wanted)
    assert worst[:3] == pytest.approx([0, 0.001, 0.002])
    assert np.isnan(worst[3])


def test_rows_on_a_split_are_no_golden_vectors() -> None:
    model = tiny.model(2)
    booster = tiny.booster(3, num_leaves=2, rounds=1)
    split = booster.dump_model()["tree_info"][0]["tree_structure"]
    head = TreeHead((booster,), (1.0,))
    model = replace(
        model,
        success=tuple(replace(one, score=head) for one in model.success),
        uplift=tuple(replace(one, direct=None) for one in model.uplift),
        output_tokens=model.latency_ms,
        tasks=None,
    )
    x = tiny.rows()[:12].copy()
    width = x.shape[1]
    held = stable_rows(model, x, width, np.random.default_rng(0))
    assert held.sum() >= 10
    x[np.flatnonzero(held)[0], split["split_feature"]] = split["threshold"]
    again = stable_rows(model, x, width, np.random.default_rng(0))
    assert not again[np.flatnonzero(held)[0]]
    assert again.sum() == held.sum() - 1
    on_the_split = np.repeat(x[np.flatnonzero(held)[0]][None], 6, axis=0)
    assert stable_rows(model, on_the_split, width, np.random.default_rng(0)).sum() >= 4
