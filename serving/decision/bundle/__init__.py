"""Model bundles: load, audit and prove the exported artefact, and run its one ONNX graph."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
