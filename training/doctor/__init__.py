"""The doctor: checks of what is about to be served, as a list to which others are added."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
