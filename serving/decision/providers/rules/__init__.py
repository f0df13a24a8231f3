"""The rule set of rewrites: what a provider would refuse, and what a client's limit leaves no room for."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
