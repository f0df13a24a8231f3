"""What each model accepts at each host: a registry built from maintained data, and the look-up of a model by name."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
