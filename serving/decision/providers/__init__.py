"""Provider request bodies: read a request, apply an effort to it, and read token usage off the reply."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
