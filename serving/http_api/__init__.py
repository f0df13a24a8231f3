"""The HTTP API: raw ASGI routes for decisions and rewrites, FastAPI for everything else."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
