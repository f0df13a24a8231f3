"""Encoders: requests as design rows, by static token tables or a whole transformer."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
