"""The API's documentation: the OpenAPI document, its examples, and one page that renders it without a network."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
