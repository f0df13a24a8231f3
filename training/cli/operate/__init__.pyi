from .capabilities import capabilities_app
from .gateway import AS_TYPED, gateway

__all__ = ["AS_TYPED", "capabilities_app", "gateway"]
