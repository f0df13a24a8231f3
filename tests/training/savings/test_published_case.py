"""The published case comes out to the cent, and what can't be worked out is refused by key."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from training.savings.published_case import BadCase, work_out

CASE = Path(__file__).parents[3] / "data" / "cases" / "selective_routing"


def test_the_published_case_is_reproduced_exactly() -> None:
    case = work_out(CASE)
    simple, hard = case.segments
    share = simple.requests_per_day / (simple.requests_per_day + hard.requests_per_day)
    assert share == 0.7
    assert (simple.before_usd, simple.after_usd) == (2100.0, 70.0)
    assert (hard.before_usd, hard.after_usd) == (900.0, 900.0)
    assert (case.before_usd, case.after_usd) == (3000.0, 970.0)
    assert case.saved_usd_per_year == 740_950.0
    assert len(case.published) == 7
    assert not case.differences


def changed(tmp_path: Path, old: str, new: str) -> Path:
    folder = tmp_path / "case"
    shutil.copytree(CASE, folder)
    for name in ("case.toml", "arms.toml"):
        path = folder / name
        path.write_text(path.read_text("utf-8").replace(old, new), encoding="utf-8")
    return folder


def test_other_inputs_give_other_totals_and_say_so(tmp_path: Path) -> None:
    case = work_out(changed(tmp_path, "output = 10.0", "output = 20.0"))
    assert case.differences["before_usd_per_day"] == pytest.approx(10_000 * 0.299)
    assert set(case.differences) == set(case.published)


@pytest.mark.parametrize(
    ("old", "new", "word"),
    [
        ("days_per_year = 365", "", "'days_per_year' is missing"),
        ("requests_per_day = 7000", 'requests_per_day = "many"', "many"),
        ("direct = 900, reasoning = 29900", "direct = 900", "'reasoning' is missing"),
        ("saved_usd_per_year", "saved_euros", "published.saved_euros"),
        ("[[segment]]", "[[segment", "case.toml"),
    ],
)
def test_a_bad_case_is_refused_by_key(tmp_path: Path, old: str, new: str, word: str) -> None:
    with pytest.raises(BadCase, match=word):
        work_out(changed(tmp_path, old, new))


def test_a_folder_without_a_case_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadCase, match="nowhere"):
        work_out(tmp_path / "nowhere")
