from .price_book import PriceBook, price_book
from .rate_card import RateCard, cost_of_usage, expected_cost
from .usage import BadUsage, Usage, usage_from_anthropic, usage_from_gemini, usage_from_openai

__all__ = [
    "BadUsage",
    "PriceBook",
    "RateCard",
    "Usage",
    "cost_of_usage",
    "expected_cost",
    "price_book",
    "usage_from_anthropic",
    "usage_from_gemini",
    "usage_from_openai",
]
