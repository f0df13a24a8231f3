from .gateway import AS_TYPED, gateway

__all__ = ["AS_TYPED", "gateway"]
