"""Both plotting backends draw the same charts."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.support.evaluations import evaluation_of
from training.evaluation.results import Evaluation
from training.report.plots import evaluation_charts, figure, write_pngs


@pytest.fixture(scope="module")
def evaluation() -> Evaluation:
    return evaluation_of()


def test_pngs_are_written_for_all_charts(evaluation: Evaluation, tmp_path: Path) -> None:
    paths = write_pngs(evaluation, tmp_path / "plots")
    assert [p.stem for p in paths] == [chart.key for chart in evaluation_charts(evaluation)]
    for path in paths:
        assert path.read_bytes().startswith(b"\x89PNG")
        assert path.stat().st_size > 10_000


def test_interactive_and_printed_figures_show_the_same_numbers(evaluation: Evaluation) -> None:
    for chart in evaluation_charts(evaluation):
        drawn = [np.asarray(t.x if chart.sideways else t.y, dtype=float) for t in figure(chart).data]
        for series in chart.series:
            assert any(len(y) == len(series.y) and np.allclose(y, series.y) for y in drawn), (chart.key, series.name)
