"""The gRPC API: servicers, interceptors and the translation between protobuf messages and kernel values."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
