"""Processes and sockets: the supervisor, the event loop of a worker, TLS, and the gRPC listener."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
