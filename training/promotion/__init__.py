"""Promotion: the gate between champion and challenger, the model registry, canaries and live checks."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
