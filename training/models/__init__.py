"""Models: boosted trees, meta-learners for uplift, calibration, support and consumption."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
