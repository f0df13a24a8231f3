"""Arm selection: what each arm gives and costs, the choice among them, its reason, and its replay."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
