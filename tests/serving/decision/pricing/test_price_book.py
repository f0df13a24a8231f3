"""Prices: the book against its own exact arithmetic, providers' usage records to the cent, overrides, refusals."""

from __future__ import annotations

import socket
import subprocess
import sys
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import genai_prices
import pytest
from genai_prices.data import providers
from hypothesis import given, settings
from hypothesis import strategies as st

from serving.decision.errors import BadInput, Unpriced
from serving.decision.pricing.price_book import PriceBook, price_book
from serving.decision.pricing.rate_card import cost_of_usage, expected_cost
from serving.decision.pricing.usage import Usage
from serving.decision.types import Arm, Price, Usd

NOW = datetime(2026, 11, 24, 9, tzinfo=UTC)


def book(*models: str) -> PriceBook:
    return price_book([Arm(model, model) for model in models])


def paid(model: str, usage: Usage, at: datetime = NOW) -> float:
    return cost_of_usage(usage, book(model).card(model).rates(at.timestamp(), usage.input_tokens))


def exact(model: str, usage: Usage, at: datetime = NOW, provider: str | None = None) -> Decimal:
    told: dict[str, Any] = {
        "input_tokens": usage.input_tokens,
        "output_tokens": usage.output_tokens,
        "cache_read_tokens": usage.cached_input_tokens or None,
        "cache_write_tokens": (usage.cache_write_tokens + usage.cache_write_1h_tokens) or None,
        "cache_write_1h_tokens": usage.cache_write_1h_tokens or None,
        "output_reasoning_tokens": usage.reasoning_tokens or None,
    }
    price = genai_prices.calc_price(
        genai_prices.Usage(**{name: count for name, count in told.items() if count is not None}),
        model,
        provider_id=provider,
        genai_request_timestamp=at,
    )
    return price.total_price


# --- providers' own records; the sums are worked out by hand from the list prices -----------------------------------


def test_gemini_pays_the_long_prompt_rate_for_the_whole_call() -> None:
    short, long = Usage(200_000, 1_000), Usage(200_001, 1_000)
    assert paid("gemini-2.5-pro", short) == pytest.approx(0.2 * 1.25 + 0.001 * 10)
    assert paid("gemini-2.5-pro", long) == pytest.approx(0.200001 * 2.5 + 0.001 * 15)


# --- the book --------------------------------------------------------------------------------------------------------

MODELS = ("gpt-5.1", "gpt-4o", "o3-mini", "claude-sonnet-4-5", "claude-opus-4-6", "gemini-2.5-pro", "deepseek-chat")
BOOK = book(*MODELS)


@settings(deadline=None, max_examples=150)
@given(
    model=st.sampled_from(MODELS),
    parts=st.tuples(*[st.integers(0, 300_000)] * 4),
    output=st.integers(0, 50_000),
    share=st.floats(0, 1),
    at=st.datetimes(datetime(2025, 1, 1), datetime(2027, 12, 31)),
)
def test_plain_floats_agree_with_exact_decimals(
    model: str, parts: tuple[int, int, int, int], output: int, share: float, at: datetime
) -> None:
    plain, cached, written, hour = parts
    usage = Usage(plain + cached + written + hour, output, cached, written, hour, int(output * share))
    at = at.replace(tzinfo=UTC)
    ours = cost_of_usage(usage, BOOK.card(model).rates(at.timestamp(), usage.input_tokens))
    assert ours == pytest.approx(float(exact(model, usage, at)), abs=1e-9)


def test_dated_price_changes_are_kept() -> None:
    usage = Usage(300_000, 1_000)
    before, after = datetime(2026, 3, 12, 23, 59, tzinfo=UTC), datetime(2026, 3, 13, tzinfo=UTC)
    assert paid("claude-opus-4-6", usage, before) == pytest.approx(0.3 * 10 + 0.001 * 37.5)
    assert paid("claude-opus-4-6", usage, after) == pytest.approx(0.3 * 5 + 0.001 * 25)


def test_off_peak_hours_are_kept() -> None:
    usage = Usage(1_000_000, 0)
    day, night = datetime(2026, 5, 5, 12, tzinfo=UTC), datetime(2026, 5, 5, 20, tzinfo=UTC)
    assert paid("deepseek-chat", usage, day) == pytest.approx(2 * paid("deepseek-chat", usage, night))


@pytest.mark.parametrize(
    ("model", "source"),
    [
        ("gpt-5.1", "openai/gpt-5.1"),
        ("openai/gpt-5.1", "openai/gpt-5.1"),
        ("azure/gpt-4o", "azure/gpt-4o"),
        ("vertex_ai/gemini-2.5-pro", "google/gemini-2.5-pro"),
        ("openrouter/meta-llama/llama-3.1-70b-instruct", "openrouter/meta-llama/llama-3.1-70b-instruct"),
    ],
)
def test_a_model_may_name_its_provider(model: str, source: str) -> None:
    assert book(model).cards[0].source == source


def test_an_unpriced_arm_is_named_with_the_cure() -> None:
    with pytest.raises(
        Unpriced, match=r"arm 'own': model 'qwen3-32b-awq' is not in the price book.*gpu_usd_per_second"
    ):
        price_book([Arm("direct", "gpt-5.1"), Arm("own", "qwen3-32b-awq")])


def test_a_model_listed_at_nothing_is_not_free_by_accident() -> None:
    free = next(
        f"{provider.id}/{model.id}"
        for provider in providers
        for model in provider.models
        if provider.id == "openrouter" and model.id.endswith(":free")
    )
    with pytest.raises(Unpriced, match="without a price per token"):
        book(free)
    assert price_book([Arm("a", free, price=Price(0.0, 0.0))]).cards[0].source == "arms.toml"


def test_own_prices_win_over_the_book() -> None:
    rates = price_book([Arm("a", "gpt-5.1", price=Price(2.0, 8.0))]).cards[0].rates(0.0, 10)
    assert (rates.input, rates.cached_input, rates.output) == pytest.approx((2e-6, 2e-6, 8e-6))


def test_gpu_seconds_are_paid_by_latency() -> None:
    rates = price_book([Arm("own", "qwen", gpu_usd_per_second=Usd(0.0011))]).cards[0].rates(0.0, 10)
    assert expected_cost(rates, 1000, 0, 500, 8_000.0, 0.0) == pytest.approx(0.0088)
    assert cost_of_usage(Usage(1000, 500), rates, gpu_seconds=8.0) == pytest.approx(0.0088)


def test_the_snapshot_is_named_and_another_price_is_another_version() -> None:
    one, two = book("gpt-5.1"), price_book([Arm("gpt-5.1", "gpt-5.1", price=Price(1.25, 10.0, 0.1))])
    assert one.snapshot == f"genai-prices-{genai_prices.__version__}"
    assert one.version.startswith(f"{one.snapshot}:")
    assert one.version != two.version
    assert one.version == book("gpt-5.1").version


def test_a_book_survives_its_journal_row() -> None:
    assert PriceBook.from_json(BOOK.to_json()) == BOOK
    for text in (b"{}", b"[]", b"nonsense", b'{"snapshot": 1, "cards": [{}]}'):
        with pytest.raises(BadInput, match="not a price book"):
            PriceBook.from_json(text)


def test_a_book_of_other_arms_is_refused() -> None:
    with pytest.raises(Unpriced, match="'other'"):
        BOOK.card("other")


def test_pricing_opens_no_socket(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("a socket was opened")

    monkeypatch.setattr(socket, "socket", refuse)
    monkeypatch.setattr(socket, "create_connection", refuse)
    assert len(book("gpt-5.1", "gemini-2.5-pro").cards) == 2


def test_importing_the_engine_loads_no_network_library() -> None:
    code = (
        "import sys, serving.decision.engine, serving.decision.policy.policy_file;"
        "print(*sorted({'ssl', 'httpx', 'httpx2', 'pydantic', 'genai_prices', 'requests'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""
