"""The decision service: decides within a deadline, falls back on failure, notifies sinks, and takes outcomes."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
