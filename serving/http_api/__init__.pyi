from .app import build_api
from .asgi import App, Receive, Scope, Send
from .auth_middleware import PATH_SCOPES, require_key
from .explanations import ExplanationRoutes
from .metrics_middleware import count_calls, metrics_route
from .outcomes import OutcomeRoutes
from .rollback import rollback_route
from .route import Route

__all__ = [
    "PATH_SCOPES",
    "App",
    "ExplanationRoutes",
    "OutcomeRoutes",
    "Receive",
    "Route",
    "Scope",
    "Send",
    "build_api",
    "count_calls",
    "metrics_route",
    "require_key",
    "rollback_route",
]
