"""Runtime control: budgets, arm health, sessions and success bias, as the state that decisions take in."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
