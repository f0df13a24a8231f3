"""Effort writers, one module per family of wire forms: what a body gets to reason at an effort."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
