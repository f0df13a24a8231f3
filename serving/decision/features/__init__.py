"""Complexity features: what a request's text shows, as one row of numbers, the same in training and serving."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
