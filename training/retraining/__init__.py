"""Retraining: one step of the loop, the daemon that repeats it, its inputs, and drift detection."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
