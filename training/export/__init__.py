"""Export: the fitted model as one ONNX graph, proven against its reference, and written as a bundle."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
