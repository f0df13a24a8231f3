from __future__ import annotations

import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from training.evaluation.baselines import RandomRate
from training.evaluation.evaluate import ReportTitles, evaluate_model
from training.evaluation.results import ConsumptionForecast, Evaluation, HeldOut, LearningPoint, UnseenTasks
from training.metrics.bootstrap import Interval
from training.metrics.cost_quality import RealisedOutcomes, Router
from training.metrics.off_policy import LoggedTraffic, policy_value
from training.metrics.risk_control import NoCertificate, certify
from training.report import html as report
from training.report.plots import evaluation_charts, figure, write_pngs
from training.report.summary import summary, usd_with_interval

N = 300


def made(*, priced: bool = True, synthetic: bool = True) -> Evaluation:
    rng = np.random.default_rng(0)
    task, arms = rng.integers(0, 3, N), np.arange(2)
    chance = np.array([[0.2, 0.9], [0.6, 0.6], [0.5, 0.4]])[task]
    success = (rng.random((N, 2)) < chance).astype(float)
    tokens = np.exp(rng.normal([3.0, 7.0], 0.3, (N, 2)))
    uplift = chance[:, 1] - chance[:, 0]
    names = np.array(["sums", "<b>odd</b> & ends", "poems"], dtype=object)[task]
    outcomes = RealisedOutcomes(success, tokens * 2e-6 if priced else None)
    data = HeldOut(
        arms=("direct", "reasoning"),
        outcomes=outcomes,
        success=chance,
        tasks=names,
        support=rng.uniform(0.4, 1, N),
        buckets=np.where(uplift > 0.3, "use", "avoid").tolist(),
        chosen=(uplift > 0).astype(np.int64),
        consumption=(
            ConsumptionForecast(
                "output tokens", np.exp([3.0, 7.0]) + 0 * tokens, np.exp([3.5, 7.5]) + 0 * tokens, tokens
            ),
        ),
    )
    ours = Router("thinkgate", uplift + rng.normal(0, 0.1, N))
    rival, blind = Router("rival", rng.normal(size=N)), Router(RandomRate().name, np.zeros(N))
    routers = (ours, rival, blind)
    unseen = UnseenTasks(outcomes, routers, names, rng.uniform(0, 0.6, N))
    found = evaluate_model(ReportTitles("Week 12", "sample", synthetic), data, routers, unseen=unseen, resamples=60)
    log = LoggedTraffic(rng.integers(0, 2, N), rng.random(N), np.full(N, 0.5), 2)
    return replace(
        found,
        certificate=certify(ours.score, outcomes.gain, epsilon=0.1),
        policies=(policy_value("champion", log, np.eye(2)[arms[task % 2]]),),
        learning=(LearningPoint(100, Interval(0.3, 0.2, 0.4)), LearningPoint(300, Interval(0.5, 0.4, 0.6))),
        notes=("A note of the caller's.",),
    )


@pytest.fixture(scope="module")
def evaluation() -> Evaluation:
    return made()


class Tags(HTMLParser):
    """Collects what a browser would load, the text it would show, and whether tags are balanced."""

    def __init__(self) -> None:
        super().__init__()
        self.loads: list[str] = []
        self.text: list[str] = []
        self.open: list[str] = []
        self.rows: list[int] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.loads += [value or "" for name, value in attrs if name in ("src", "href")]
        if tag not in ("meta", "br", "input"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] not in ("script", "style"):
            self.text.append(data)


def parsed(page: str) -> Tags:
    tags = Tags()
    tags.feed(page)
    assert tags.open == []
    return tags


def test_the_page_loads_nothing_and_is_well_formed(evaluation: Evaluation, tmp_path: Path) -> None:
    path = report.write_html(evaluation, tmp_path / "new" / "report.html")
    page = path.read_text(encoding="utf-8")
    assert parsed(page).loads == []
    assert page.count("plotly.js v") == 1
    assert "$" not in re.sub(r"\$[\d.,-]", "", "".join(parsed(page).text)), "an unfilled placeholder"


def test_the_owner_reads_the_findings_first_and_what_is_synthetic(evaluation: Evaluation) -> None:
    text = " ".join(parsed(report.to_html(evaluation)).text)
    assert text.index("SYNTHETIC DATA") < text.index("What was found") < text.index("What is not claimed")
    for sentence in summary(evaluation):
        assert sentence in text
    assert "A note of the caller's." in text
    real = " ".join(parsed(report.to_html(made(synthetic=False))).text)
    assert "ynthetic" not in real


def test_names_from_the_data_are_escaped(evaluation: Evaluation) -> None:
    page = report.to_html(evaluation)
    assert "&lt;b&gt;odd&lt;/b&gt; &amp; ends" in page
    assert "<b>odd" not in page


def test_every_chart_of_the_evaluation_stands_in_the_page_once(evaluation: Evaluation) -> None:
    page, keys = report.to_html(evaluation), [chart.key for chart in evaluation_charts(evaluation)]
    assert len(keys) == len(set(keys)) == 12
    for key in keys:
        assert page.count(f'id="{key}"') == 1


def test_tables_show_ours_the_rivals_and_the_logged_policy(evaluation: Evaluation) -> None:
    page = report.to_html(evaluation)
    assert re.search(r"<tr class=ours><td>thinkgate</td>", page)
    for words in ("rival", "champion", "Fixed rules", "Calibration on held-out prompts", "Forecast of output tokens"):
        assert words in page
    assert str(evaluation.policies[0].snips) in page


def test_unpriced_history_claims_no_money() -> None:
    bare = made(priced=False)
    assert any("no saving in USD is claimed" in sentence for sentence in summary(bare))
    text = "".join(parsed(report.to_html(bare)).text)
    assert "1,000 successes" not in text
    assert not re.search(r"\$\d", text)


def test_a_rival_that_is_better_is_named_as_such(evaluation: Evaluation) -> None:
    worse = replace(evaluation.routers[1], ahead=Interval(-0.2, -0.3, -0.1))
    open_ = replace(evaluation.routers[2], ahead=Interval(0.0, -0.1, 0.1))
    said = " ".join(summary(replace(evaluation, routers=(evaluation.routers[0], worse, open_))))
    assert "BELOW rival" in said
    assert "Not distinguishable from random" in said


def test_a_missing_certificate_is_said_with_its_reason(evaluation: Evaluation) -> None:
    without = replace(evaluation, certificate=NoCertificate(0.02, 0.1, "too few prompts", 30))
    assert "No certificate for a loss of at most 2 points: too few prompts." in summary(without)


def test_json_holds_every_figure_and_no_invalid_number(evaluation: Evaluation) -> None:
    plain = json.loads(
        report.evaluation_json(evaluation), parse_constant=lambda name: pytest.fail(f"{name} is no JSON")
    )
    assert plain["routers"][0]["oracle_share"]["value"] == pytest.approx(evaluation.metrics["oracle_share"])
    assert plain["metrics"] == pytest.approx(dict(evaluation.metrics))
    assert len(plain["routers"][0]["curve"]["quality"]) == 101
    broken = replace(evaluation.ours, area=Interval(float("nan"), 0, 1))
    assert (
        json.loads(report.evaluation_json(replace(evaluation, routers=(broken,))))["routers"][0]["area"]["value"]
        is None
    )


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


def test_amounts_keep_their_digits() -> None:
    assert usd_with_interval(Interval(1234.5, 1000, 1500)) == "$1,234 [1,000, 1,500]"
    assert usd_with_interval(Interval(0.0, 0.0, 0.0)) == "$0.00 [0.00, 0.00]"
