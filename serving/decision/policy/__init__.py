"""The operator's terms: arms, policy and runtime controls, read from TOML and bound to prices."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
