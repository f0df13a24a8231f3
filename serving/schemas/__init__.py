"""Wire values that HTTP and gRPC share: request models, limits, problems, and JSON codecs."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
