from .client_intent import client_effort
from .endpoints import API_NAMES, Endpoint, parse_api_name, parse_path
from .gateway_headers import read_gateway_headers
from .reply_usage import READABLE_ENCODINGS, ReplyReader
from .request_body import ParsedBody, parse_body
from .rewrite import Rewrite, apply_decision, rewrite_effort, same_model

__all__ = [
    "API_NAMES",
    "READABLE_ENCODINGS",
    "Endpoint",
    "ParsedBody",
    "ReplyReader",
    "Rewrite",
    "apply_decision",
    "client_effort",
    "parse_api_name",
    "parse_body",
    "parse_path",
    "read_gateway_headers",
    "rewrite_effort",
    "same_model",
]
