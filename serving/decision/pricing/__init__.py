"""Prices: the frozen price book, rate cards, and token usage as providers report it."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
