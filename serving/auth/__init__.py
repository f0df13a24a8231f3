"""Authentication and authorisation: API keys, their scopes and their rate limits, the same for HTTP and gRPC."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
