from .plano import PlanoRoute
from .portkey import PortkeyRoute

__all__ = ["PlanoRoute", "PortkeyRoute"]
