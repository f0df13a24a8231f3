"""Metrics: off-policy values, cost-quality curves, Qini, calibration, risk control and bootstrap intervals."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
