"""What lies in data/: the arms are the world's, the sample is the world's, and the case adds up."""

from __future__ import annotations

import io
import json
import tomllib
from pathlib import Path

import pytest

from serving.decision.policy.arms import load_arms
from serving.decision.pricing.price_book import price_book
from serving.decision.pricing.rate_card import expected_cost
from tests.support.showcase import showcase
from training.synthetic import DEFAULT_ARMS, FAILURE_MODES, World
from training.synthetic.outcome_generator import SCHEMA

DATA = Path(__file__).parents[2] / "data"
CASE = DATA / "cases" / "selective_routing"


def test_arms_toml_holds_the_world_s_arms() -> None:
    assert load_arms(DATA / "arms.toml") == DEFAULT_ARMS
    assert [card.source for card in price_book(DEFAULT_ARMS).cards] == ["openai/gpt-5.1"] * 2


def test_the_sample_is_what_the_readme_says() -> None:
    world = World(seed=7)
    buffer = io.StringIO()
    records = world.records(showcase(world.sample(2000), 20))
    records.to_json(buffer, orient="records", lines=True, force_ascii=False, date_format="iso")
    made = [json.loads(line) for line in buffer.getvalue().splitlines()]
    kept = [json.loads(line) for line in (DATA / "sample.jsonl").read_text(encoding="utf-8").splitlines()]
    assert len(kept) == 40
    for one, other in zip(made, kept, strict=True):
        assert one.keys() == other.keys()
        for column, cell in one.items():
            if isinstance(cell, float):
                assert other[column] == pytest.approx(cell, rel=1e-6), column
            else:
                assert other[column] == cell, column
        assert other["source"] == "synthetic"


def test_the_readme_explains_every_column_and_failure_mode() -> None:
    text = (DATA / "README.md").read_text(encoding="utf-8")
    carried = {"language", "source"}  # the world's own, beyond the contract
    for name in {*SCHEMA.names, *FAILURE_MODES} - carried:
        assert f"`{name}`" in text, name


def test_the_published_case_adds_up() -> None:
    case = tomllib.loads((CASE / "case.toml").read_text(encoding="utf-8"))
    arms = load_arms(CASE / case["arms"])
    rates = {card.arm: card.rates(0.0, 800.0) for card in price_book(arms).cards}

    def per_day(segment: dict[str, object], when: str) -> float:
        arm, output = str(segment[when]), segment["output_tokens"]
        assert isinstance(output, dict)
        one = expected_cost(rates[arm], float(str(segment["input_tokens"])), 0.0, float(output[arm]), 0.0, 0.0)
        return float(str(segment["requests_per_day"])) * one

    simple, hard = case["segment"]
    published = case["published"]
    assert simple["requests_per_day"] / (simple["requests_per_day"] + hard["requests_per_day"]) == 0.7
    before = per_day(simple, "before") + per_day(hard, "before")
    after = per_day(simple, "after") + per_day(hard, "after")
    assert per_day(simple, "before") == pytest.approx(published["simple_before_usd_per_day"])
    assert per_day(simple, "after") == pytest.approx(published["simple_after_usd_per_day"])
    assert per_day(hard, "before") == pytest.approx(published["reasoning_usd_per_day"])
    assert per_day(hard, "after") == pytest.approx(published["reasoning_usd_per_day"])
    assert before == pytest.approx(published["before_usd_per_day"])
    assert after == pytest.approx(published["after_usd_per_day"])
    assert before - after == pytest.approx(published["saved_usd_per_day"])
    assert (before - after) * case["days_per_year"] == pytest.approx(published["saved_usd_per_year"])
