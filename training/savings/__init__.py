"""Savings: what a policy would have cost and given, on a history, on a journal, or in a published case."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
