from .proxy_call import Deployment, ProxyCall, parse_proxy_call
from .proxy_rewrite import rewrite_proxy_call

__all__ = ["Deployment", "ProxyCall", "parse_proxy_call", "rewrite_proxy_call"]
