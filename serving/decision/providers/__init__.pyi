from .arm_check import APIS, ArmCheck, ArmWords, arm_words, check_arms
from .capabilities import Capability, capabilities_version, find_capability, use_capabilities
from .client_intent import client_effort
from .client_session import AGENT_HEADERS, SESSION_HEADERS, header_session, unasked_efforts
from .effort_writers import strip_effort
from .endpoints import API_NAMES, PROXY_DIALECT, Api, Endpoint, parse_api_name, parse_path
from .gateway_headers import read_gateway_headers
from .hosts import find_host, parse_host
from .inband_effort import BETA, BETA_HEADER
from .litellm_proxy import ProxyCall, parse_proxy_call, rewrite_proxy_call
from .reply_usage import READABLE_ENCODINGS, ReplyReader
from .request_body import ParsedBody, parse_body
from .rewrite import Rewrite, RewriteOptions, apply_decision, rewrite_effort
from .rules.not_applied import NOT_APPLIED
from .targets import is_arm_model, same_model, target_capability

__all__ = [
    "AGENT_HEADERS",
    "APIS",
    "API_NAMES",
    "BETA",
    "BETA_HEADER",
    "NOT_APPLIED",
    "PROXY_DIALECT",
    "READABLE_ENCODINGS",
    "SESSION_HEADERS",
    "Api",
    "ArmCheck",
    "ArmWords",
    "Capability",
    "Endpoint",
    "ParsedBody",
    "ProxyCall",
    "ReplyReader",
    "Rewrite",
    "RewriteOptions",
    "apply_decision",
    "arm_words",
    "capabilities_version",
    "check_arms",
    "client_effort",
    "find_capability",
    "find_host",
    "header_session",
    "is_arm_model",
    "parse_api_name",
    "parse_body",
    "parse_host",
    "parse_path",
    "parse_proxy_call",
    "read_gateway_headers",
    "rewrite_effort",
    "rewrite_proxy_call",
    "same_model",
    "strip_effort",
    "target_capability",
    "unasked_efforts",
    "use_capabilities",
]
