"""Reports: an evaluation as HTML, tables, plots, sentences and terminal output."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
