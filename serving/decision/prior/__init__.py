"""The prior model: task types recognised by phrases, and what is known of each before any history."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
