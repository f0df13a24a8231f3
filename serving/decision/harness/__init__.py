"""What coding tools and chat front ends add to a user's words, and the calls that they make on their own behalf."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
