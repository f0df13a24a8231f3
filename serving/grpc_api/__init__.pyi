from .auth_interceptor import AuthInterceptor
from .codec import message_reader
from .metrics_interceptor import MetricsInterceptor
from .servicers import DECISIONS, OUTCOMES, Context, DecisionServicer, OutcomeServicer

__all__ = [
    "DECISIONS",
    "OUTCOMES",
    "AuthInterceptor",
    "Context",
    "DecisionServicer",
    "MetricsInterceptor",
    "OutcomeServicer",
    "message_reader",
]
