"""The HTML report and the JSON of an evaluation."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from tests.support.evaluations import evaluation_of
from training.evaluation.results import Evaluation
from training.metrics.bootstrap import Interval
from training.report import html as report
from training.report.plots import evaluation_charts
from training.report.summary import summary


@pytest.fixture(scope="module")
def evaluation() -> Evaluation:
    return evaluation_of()


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
    real = " ".join(parsed(report.to_html(evaluation_of(synthetic=False))).text)
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
    bare = evaluation_of(priced=False)
    assert any("no saving in USD is claimed" in sentence for sentence in summary(bare))
    text = "".join(parsed(report.to_html(bare)).text)
    assert "1,000 successes" not in text
    assert not re.search(r"\$\d", text)


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
