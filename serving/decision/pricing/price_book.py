"""Price book: the rate card of every arm, looked up once and offline.

Prices come from `arms.toml` (tokens or GPU seconds), or else from the data of the pinned `genai-prices`; nothing is
ever fetched. Long-prompt tiers, dated price changes and off-peak hours of that data are kept.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, time
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import orjson

from serving.decision.errors import BadInput, Unpriced
from serving.decision.pricing.rate_card import CallRates, RateCard, RateWindow
from serving.decision.types import Arm, Price

if TYPE_CHECKING:
    from genai_prices.types import ModelInfo, ModelPrice, Provider

_MTOK = 1e-6


@dataclass(frozen=True, slots=True)
class PriceBook:
    """Rate cards of the arms.

    Parameters
    ----------
    cards
        K rate cards in the arms' order.
    snapshot
        Name and version of the price data, e.g. `genai-prices-0.2.3`.
    """

    cards: tuple[RateCard, ...]
    snapshot: str

    @property
    def digest(self) -> str:
        """Hash of the book's content, 8 hex digits: equal digests price equally."""
        return hashlib.sha256(self.to_json()).hexdigest()[:8]

    @property
    def version(self) -> str:
        """Identifier of the book in a decision, e.g. `genai-prices-0.2.3:1f3a9c2b`."""
        return f"{self.snapshot}:{self.digest}"

    def card(self, arm: str) -> RateCard:
        """Look the rate card of an arm up by name.

        Raises
        ------
        Unpriced
            The book was made for other arms.
        """
        for card in self.cards:
            if card.arm == arm:
                return card
        raise Unpriced(f"arm {arm!r} is not in this price book: make the book for the arms that you serve")

    def to_json(self) -> bytes:
        """Serialise the book for the journal; floats keep every bit."""
        return orjson.dumps({"snapshot": self.snapshot, "cards": [asdict(card) for card in self.cards]})

    @staticmethod
    def from_json(text: bytes) -> PriceBook:
        """Parse what `to_json` wrote.

        Raises
        ------
        BadInput
            The text is not a price book.
        """
        try:
            raw = orjson.loads(text)
            cards = tuple(
                RateCard(card["arm"], card["source"], tuple(_window(window) for window in card["windows"]))
                for card in raw["cards"]
            )
            return PriceBook(cards, raw["snapshot"])
        except (KeyError, TypeError, orjson.JSONDecodeError) as fault:
            raise BadInput(f"not a price book: {fault!r}") from None


def _window(raw: dict[str, Any]) -> RateWindow:
    return RateWindow(raw["since"], raw["opens"], raw["closes"], tuple(CallRates(**tier) for tier in raw["tiers"]))


def price_book(arms: Sequence[Arm]) -> PriceBook:
    """Price the arms: by their own price, else by GPU seconds, else by `genai-prices`.

    Parameters
    ----------
    arms
        K arms. `model` may be prefixed with its provider: `azure/gpt-4o`, `openrouter/qwen/qwen3-32b`.

    Raises
    ------
    Unpriced
        The message names arm, model and cure. An arm is never free by accident: a model listed at 0 USD is unpriced
        too, until `arms.toml` says that it is free.

    Examples
    --------
    >>> book = price_book([Arm("direct", "gpt-5.1"), Arm("own", "qwen3-32b", gpu_usd_per_second=0.0011)])
    >>> [card.source for card in book.cards], book.snapshot
    (['openai/gpt-5.1', 'gpu'], 'genai-prices-0.2.3')
    """
    return PriceBook(tuple(_card(arm) for arm in arms), f"genai-prices-{version('genai-prices')}")


def _card(arm: Arm) -> RateCard:
    if arm.price is not None:
        return RateCard(arm.name, "arms.toml", (_all_day((_own(arm.price),)),))
    if arm.gpu_usd_per_second is not None:
        rates = CallRates(-1, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, gpu_second=arm.gpu_usd_per_second)
        return RateCard(arm.name, "gpu", (_all_day((rates,)),))
    return _from_book(arm)


def _own(price: Price) -> CallRates:
    cached = price.input if price.cached_input is None else price.cached_input
    plain, output = price.input * _MTOK, price.output * _MTOK
    return CallRates(-1, plain, cached * _MTOK, plain, plain, output, output)


def _all_day(tiers: tuple[CallRates, ...]) -> RateWindow:
    return RateWindow(None, None, None, tiers)


def _from_book(arm: Arm) -> RateCard:
    # Imported here: the package loads an HTTP client, which a process that only reads decisions does not need.
    from genai_prices.data import providers

    found = _find(providers, arm.known_as)
    if found is None:
        raise Unpriced(
            f"arm {arm.name!r}: model {arm.known_as!r} is not in the price book; write the provider in front"
            " (openai/..., azure/..., openrouter/...), add price_usd_per_mtok or gpu_usd_per_second in arms.toml,"
            " or say with [[alias]] which model a name of your own is"
        )
    provider, model = found
    if isinstance(model.prices, list):
        windows = tuple(_dated(item.constraint, _tiers(arm, item.prices)) for item in model.prices)
    else:
        windows = (_all_day(_tiers(arm, model.prices)),)
    if not windows:
        raise _no_token_price(arm)
    return RateCard(arm.name, f"{provider.id}/{model.id}", windows)


def _find(providers: list[Provider], reference: str) -> tuple[Provider, ModelInfo] | None:
    """Look a model up in the bundled data, even where the process has loaded newer data."""
    from genai_prices.data_snapshot import DataSnapshot

    book = DataSnapshot(providers=providers, from_auto_update=False)
    provider, _, model = reference.partition("/")
    candidates: Iterable[tuple[str, str | None]]
    candidates = [(model, provider), (reference, None)] if model else [(reference, None)]
    for name, provider_id in candidates:
        try:
            return book.find_provider_model(name, None, provider_id, None)
        except LookupError:
            continue
    return None


def _dated(constraint: object, tiers: tuple[CallRates, ...]) -> RateWindow:
    from genai_prices.types import StartDateConstraint, TimeOfDateConstraint

    if isinstance(constraint, StartDateConstraint):
        since = datetime.combine(constraint.start_date, time(0), UTC).timestamp()
        return RateWindow(since, None, None, tiers)
    if isinstance(constraint, TimeOfDateConstraint):
        return RateWindow(None, _second(constraint.start_time), _second(constraint.end_time), tiers)
    return _all_day(tiers)


def _second(moment: time) -> float:
    moment = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
    moment = datetime.combine(datetime(1970, 1, 2, tzinfo=UTC).date(), moment).astimezone(UTC).time()
    return moment.hour * 3600 + moment.minute * 60 + moment.second + moment.microsecond * 1e-6


def _tiers(arm: Arm, prices: ModelPrice) -> tuple[CallRates, ...]:
    if not _any_price(prices.input_mtok) or not _any_price(prices.output_mtok):
        raise _no_token_price(arm)
    return tuple(_rates(prices, start) for start in sorted(_starts(prices), reverse=True))


def _no_token_price(arm: Arm) -> Unpriced:
    return Unpriced(
        f"arm {arm.name!r}: the price book lists {arm.known_as!r} without a price per token;"
        " add price_usd_per_mtok in arms.toml (0 there says that it is free)"
    )


def _any_price(price: Any) -> bool:
    return price is not None and (not hasattr(price, "base") or bool(price.base)) and bool(price)


def _starts(prices: ModelPrice) -> set[int]:
    return {-1} | {tier.start for price in vars(prices).values() for tier in getattr(price, "tiers", ())}


def _rates(prices: ModelPrice, start: int) -> CallRates:
    """Compute the rates of prompts longer than `start` tokens; a part without a price pays that of the whole."""

    def usd(*prices_per_mtok: Any) -> float:
        return next(_usd_per_token(price, start) for price in prices_per_mtok if price is not None)

    plain, written, output = prices.input_mtok, prices.cache_write_mtok, prices.output_mtok
    five = getattr(prices, "cache_write_5m_mtok", None)
    per_thousand = prices.requests_kcount
    return CallRates(
        above_input_tokens=start,
        input=usd(plain),
        cached_input=usd(prices.cache_read_mtok, plain),
        cache_write=usd(five, written, plain),
        cache_write_1h=usd(prices.cache_write_1h_mtok, written, plain),
        output=usd(output),
        hidden=usd(getattr(prices, "output_reasoning_mtok", None), output),
        request=float(per_thousand) / 1000 if per_thousand is not None and not hasattr(per_thousand, "tiers") else 0.0,
    )


def _usd_per_token(price: Any, start: int) -> float:
    if not hasattr(price, "tiers"):
        return float(price) * _MTOK
    matching: Iterator[Any] = (tier.price for tier in reversed(price.tiers) if tier.start <= start)
    return float(next(matching, price.base)) * _MTOK
