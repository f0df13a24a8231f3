from .base import BackendSettings, RecordSource
from .factory import open_backend

__all__ = [
    "BackendSettings",
    "RecordSource",
    "open_backend",
]
