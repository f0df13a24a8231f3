from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Message(_message.Message):
    __slots__ = ("role", "text", "images", "tool_calls")
    ROLE_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    IMAGES_FIELD_NUMBER: _ClassVar[int]
    TOOL_CALLS_FIELD_NUMBER: _ClassVar[int]
    role: str
    text: str
    images: int
    tool_calls: int
    def __init__(self, role: _Optional[str] = ..., text: _Optional[str] = ..., images: _Optional[int] = ..., tool_calls: _Optional[int] = ...) -> None: ...

class DecideRequest(_message.Message):
    __slots__ = ("messages", "prompt", "model", "tenant", "session_id", "task", "deadline_ms", "value_of_success_usd", "max_cost_usd", "client_effort", "tools", "headers")
    class HeadersEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    MESSAGES_FIELD_NUMBER: _ClassVar[int]
    PROMPT_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    TENANT_FIELD_NUMBER: _ClassVar[int]
    SESSION_ID_FIELD_NUMBER: _ClassVar[int]
    TASK_FIELD_NUMBER: _ClassVar[int]
    DEADLINE_MS_FIELD_NUMBER: _ClassVar[int]
    VALUE_OF_SUCCESS_USD_FIELD_NUMBER: _ClassVar[int]
    MAX_COST_USD_FIELD_NUMBER: _ClassVar[int]
    CLIENT_EFFORT_FIELD_NUMBER: _ClassVar[int]
    TOOLS_FIELD_NUMBER: _ClassVar[int]
    HEADERS_FIELD_NUMBER: _ClassVar[int]
    messages: _containers.RepeatedCompositeFieldContainer[Message]
    prompt: str
    model: str
    tenant: str
    session_id: str
    task: str
    deadline_ms: float
    value_of_success_usd: float
    max_cost_usd: float
    client_effort: str
    tools: int
    headers: _containers.ScalarMap[str, str]
    def __init__(self, messages: _Optional[_Iterable[_Union[Message, _Mapping]]] = ..., prompt: _Optional[str] = ..., model: _Optional[str] = ..., tenant: _Optional[str] = ..., session_id: _Optional[str] = ..., task: _Optional[str] = ..., deadline_ms: _Optional[float] = ..., value_of_success_usd: _Optional[float] = ..., max_cost_usd: _Optional[float] = ..., client_effort: _Optional[str] = ..., tools: _Optional[int] = ..., headers: _Optional[_Mapping[str, str]] = ...) -> None: ...

class ArmEstimate(_message.Message):
    __slots__ = ("success", "cost_usd", "latency_p95_ms", "output_tokens")
    SUCCESS_FIELD_NUMBER: _ClassVar[int]
    COST_USD_FIELD_NUMBER: _ClassVar[int]
    LATENCY_P95_MS_FIELD_NUMBER: _ClassVar[int]
    OUTPUT_TOKENS_FIELD_NUMBER: _ClassVar[int]
    success: float
    cost_usd: float
    latency_p95_ms: float
    output_tokens: float
    def __init__(self, success: _Optional[float] = ..., cost_usd: _Optional[float] = ..., latency_p95_ms: _Optional[float] = ..., output_tokens: _Optional[float] = ...) -> None: ...

class Caps(_message.Message):
    __slots__ = ("max_reasoning_tokens", "max_retries", "max_total_ms")
    MAX_REASONING_TOKENS_FIELD_NUMBER: _ClassVar[int]
    MAX_RETRIES_FIELD_NUMBER: _ClassVar[int]
    MAX_TOTAL_MS_FIELD_NUMBER: _ClassVar[int]
    max_reasoning_tokens: int
    max_retries: int
    max_total_ms: int
    def __init__(self, max_reasoning_tokens: _Optional[int] = ..., max_retries: _Optional[int] = ..., max_total_ms: _Optional[int] = ...) -> None: ...

class DecideResponse(_message.Message):
    __slots__ = ("decision_id", "arm", "model", "effort", "bucket", "propensity", "reason", "estimates", "caps", "support", "fallback", "bundle_id", "policy", "elapsed_us")
    class EstimatesEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: ArmEstimate
        def __init__(self, key: _Optional[str] = ..., value: _Optional[_Union[ArmEstimate, _Mapping]] = ...) -> None: ...
    DECISION_ID_FIELD_NUMBER: _ClassVar[int]
    ARM_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    EFFORT_FIELD_NUMBER: _ClassVar[int]
    BUCKET_FIELD_NUMBER: _ClassVar[int]
    PROPENSITY_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    ESTIMATES_FIELD_NUMBER: _ClassVar[int]
    CAPS_FIELD_NUMBER: _ClassVar[int]
    SUPPORT_FIELD_NUMBER: _ClassVar[int]
    FALLBACK_FIELD_NUMBER: _ClassVar[int]
    BUNDLE_ID_FIELD_NUMBER: _ClassVar[int]
    POLICY_FIELD_NUMBER: _ClassVar[int]
    ELAPSED_US_FIELD_NUMBER: _ClassVar[int]
    decision_id: str
    arm: str
    model: str
    effort: str
    bucket: str
    propensity: float
    reason: str
    estimates: _containers.MessageMap[str, ArmEstimate]
    caps: Caps
    support: float
    fallback: str
    bundle_id: str
    policy: str
    elapsed_us: int
    def __init__(self, decision_id: _Optional[str] = ..., arm: _Optional[str] = ..., model: _Optional[str] = ..., effort: _Optional[str] = ..., bucket: _Optional[str] = ..., propensity: _Optional[float] = ..., reason: _Optional[str] = ..., estimates: _Optional[_Mapping[str, ArmEstimate]] = ..., caps: _Optional[_Union[Caps, _Mapping]] = ..., support: _Optional[float] = ..., fallback: _Optional[str] = ..., bundle_id: _Optional[str] = ..., policy: _Optional[str] = ..., elapsed_us: _Optional[int] = ...) -> None: ...

class DecideBatchRequest(_message.Message):
    __slots__ = ("requests",)
    REQUESTS_FIELD_NUMBER: _ClassVar[int]
    requests: _containers.RepeatedCompositeFieldContainer[DecideRequest]
    def __init__(self, requests: _Optional[_Iterable[_Union[DecideRequest, _Mapping]]] = ...) -> None: ...

class DecideBatchResponse(_message.Message):
    __slots__ = ("results",)
    RESULTS_FIELD_NUMBER: _ClassVar[int]
    results: _containers.RepeatedCompositeFieldContainer[DecideResult]
    def __init__(self, results: _Optional[_Iterable[_Union[DecideResult, _Mapping]]] = ...) -> None: ...

class DecideResult(_message.Message):
    __slots__ = ("decision", "problem")
    DECISION_FIELD_NUMBER: _ClassVar[int]
    PROBLEM_FIELD_NUMBER: _ClassVar[int]
    decision: DecideResponse
    problem: Problem
    def __init__(self, decision: _Optional[_Union[DecideResponse, _Mapping]] = ..., problem: _Optional[_Union[Problem, _Mapping]] = ...) -> None: ...

class Problem(_message.Message):
    __slots__ = ("type", "title", "status", "detail", "errors")
    TYPE_FIELD_NUMBER: _ClassVar[int]
    TITLE_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    DETAIL_FIELD_NUMBER: _ClassVar[int]
    ERRORS_FIELD_NUMBER: _ClassVar[int]
    type: str
    title: str
    status: int
    detail: str
    errors: _containers.RepeatedCompositeFieldContainer[Fault]
    def __init__(self, type: _Optional[str] = ..., title: _Optional[str] = ..., status: _Optional[int] = ..., detail: _Optional[str] = ..., errors: _Optional[_Iterable[_Union[Fault, _Mapping]]] = ...) -> None: ...

class Fault(_message.Message):
    __slots__ = ("pointer", "detail")
    POINTER_FIELD_NUMBER: _ClassVar[int]
    DETAIL_FIELD_NUMBER: _ClassVar[int]
    pointer: str
    detail: str
    def __init__(self, pointer: _Optional[str] = ..., detail: _Optional[str] = ...) -> None: ...
