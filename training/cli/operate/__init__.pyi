from .capabilities import capabilities_app
from .doctor import doctor
from .gateway import AS_TYPED, gateway

__all__ = ["AS_TYPED", "capabilities_app", "doctor", "gateway"]
