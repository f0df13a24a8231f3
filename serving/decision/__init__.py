"""The decision kernel: one request in, one routing decision out, with numpy, onnxruntime and tokenizers only."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
