"""Value types of the decision kernel: requests, arms, predictions, decisions; units in the names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, NewType, get_args

import numpy as np
from numpy.typing import NDArray

from serving.decision.fast_dataclass import fast_dataclass

Usd = NewType("Usd", float)

Effort = Literal["none", "minimal", "low", "medium", "high", "xhigh", "max"]
EFFORTS: tuple[Effort, ...] = get_args(Effort)
"""The scale that providers use, from no reasoning to the most."""

HOSTS: tuple[str, ...] = (
    "anthropic",
    "azure",
    "baseten",
    "bedrock",
    "cerebras",
    "cohere",
    "dashscope",
    "deepinfra",
    "deepseek",
    "fireworks",
    "google",
    "groq",
    "huggingface",
    "llama.cpp",
    "minimax",
    "mistral",
    "moonshot",
    "novita",
    "nvidia",
    "ollama",
    "openai",
    "openrouter",
    "perplexity",
    "sglang",
    "siliconflow",
    "together",
    "vercel",
    "vertex",
    "vllm",
    "volcengine",
    "xai",
    "zai",
)
"""Who serves a model: makers, other hosts, and servers that people run themselves."""

Integration = Literal["rewrite", "ext_proc", "litellm", "portkey", "plano"]
"""Which integration put a decision into a call: `POST /v1/rewrite`, Envoy's ext_proc, LiteLLM's hook, webhooks."""
Bucket = Literal["use", "maybe", "avoid"]
Fallback = Literal["baseline", "reason", "prior"]
Role = Literal["system", "developer", "user", "assistant", "tool"]

FloatArray = NDArray[np.float32]
IntArray = NDArray[np.int64]


@fast_dataclass
class Message:
    """One turn of a conversation, flattened to text.

    Parameters
    ----------
    role
        Author of the turn.
    text
        All text parts, joined by newlines; no image or audio content.
    images
        Number of image, audio and file parts, which the text does not contain.
    tool_calls
        Number of tool calls that an assistant turn requests.
    """

    role: Role
    text: str
    images: int = 0
    tool_calls: int = 0


@fast_dataclass
class EffortHistory:
    """Efforts of a session whose changes stand inside the conversation, so that the prompt cache stays.

    Parameters
    ----------
    base
        At the usual place in every call.
    changes
        Index among the client's turns before which the effort changes, and what to; ascending.
    """

    base: Effort
    changes: tuple[tuple[int, Effort], ...] = ()

    @property
    def last(self) -> Effort:
        """The effort in force."""
        return self.changes[-1][1] if self.changes else self.base


@fast_dataclass
class TurnKeys:
    """Hashes by which the turns of one conversation find each other where nobody names a session.

    Parameters
    ----------
    this
        Of the conversation as it is now.
    previous
        Of the conversation as it was when the last assistant turn was asked for; None for a first turn.
    """

    this: bytes
    previous: bytes | None


@fast_dataclass
class Request:
    """A decision request: a conversation and its context.

    Parameters
    ----------
    messages
        At least one turn, oldest first.
    tools
        Number of tools offered to the model.
    client_default
        `client_effort` is what the client's program always sends, not a person's choice.
    loop_is_open_to_change
        The protocol of the call's model allows another effort inside an open tool loop.
    effort_in_band
        The call can change its effort inside the conversation.
    previous_reply
        The provider's id of the reply that the call goes on from, where the provider keeps the conversation.
    turn_keys
        Where nobody named the session: what the calls of the conversation are found by.
    max_output_tokens
        The caller's own limit; None where it sets none or it is not known.
    """

    messages: tuple[Message, ...]
    model: str | None = None
    tenant: str | None = None
    session_id: str | None = None
    task: str | None = None
    deadline_ms: float | None = None
    value_of_success_usd: Usd | None = None
    max_cost_usd: Usd | None = None
    client_effort: Effort | None = None
    tools: int = 0
    client_default: bool = False
    loop_is_open_to_change: bool = False
    effort_in_band: bool = False
    previous_reply: str | None = None
    turn_keys: TurnKeys | None = None
    max_output_tokens: int | None = None


@dataclass(frozen=True, slots=True)
class Price:
    """USD per million tokens; hidden tokens are billed as output."""

    input: float
    output: float
    cached_input: float | None = None


SwitchValue = str | int | float | bool
SwitchWords = tuple[tuple[str, SwitchValue], ...]
"""Members that a request body gets: the dotted path of each, and its value."""


@dataclass(frozen=True, slots=True)
class ReasoningSwitch:
    """An operator's own switch of an arm: what its endpoint is sent to reason or not to.

    Parameters
    ----------
    states
        Words of each state: `off`, `on`, or an effort of its own. `off` and `on` are always there, and differ.
    """

    states: tuple[tuple[str, SwitchWords], ...]

    @property
    def efforts(self) -> tuple[Effort, ...]:
        """The efforts that can be told apart, ascending: `none`, those stated, else `high` for `on`."""
        stated = {name for name, _ in self.states}
        graded = tuple(effort for effort in EFFORTS[1:] if effort in stated)
        return ("none", *(graded or ("high",)))

    @property
    def paths(self) -> frozenset[str]:
        """Every dotted path that one of the states sets."""
        return frozenset(path for _, words in self.states for path, _ in words)

    def words(self, effort: Effort) -> SwitchWords:
        """Give the members that a body gets at an effort.

        Examples
        --------
        >>> switch = ReasoningSwitch((("off", ()), ("on", (("think", True),)), ("low", (("think", "low"),))))
        >>> switch.words("none"), switch.words("low"), switch.words("max")
        ((), (('think', 'low'),), (('think', True),))
        """
        by_name = dict(self.states)
        return by_name.get(effort, by_name["off" if effort == "none" else "on"])


@dataclass(frozen=True, slots=True)
class Arm:
    """One way to serve a request: a model at a reasoning effort.

    Parameters
    ----------
    default_output_tokens, default_latency_ms
        Used until the history contains tokens and latencies (mean of one call; the p95 is a multiple of it).
    price
        Overrides the price book.
    gpu_usd_per_second
        Self-hosted: the cost of a call is its latency times this.
    speaks
        Whose words its endpoint takes, such as `openrouter` or `vllm`; empty: told by the call, else by the model.
    reasoning
        A switch of the operator's own, in place of the known one.
    stands_for
        The model behind `model` where that is a name of the operator's own, such as a deployment; else empty.
    aliases
        Other names of the same model, in bodies, logs and replies; `stands_for` is one of them.
    """

    name: str
    model: str
    effort: Effort = "none"
    default_output_tokens: float = 300.0
    default_latency_ms: float = 2000.0
    price: Price | None = None
    gpu_usd_per_second: Usd | None = None
    speaks: str = ""
    reasoning: ReasoningSwitch | None = None
    stands_for: str = ""
    aliases: tuple[str, ...] = ()

    @property
    def known_as(self) -> str:
        """The model's name as makers and price lists know it."""
        return self.stands_for or self.model

    def goes_by(self, name: str | None) -> bool:
        """Tell whether a name is this arm's model, or another name of it.

        >>> Arm("a", "gpt-5.1", aliases=("chat-prod",)).goes_by("chat-prod")
        True
        """
        return name is not None and (name == self.model or name in self.aliases)


@fast_dataclass
class ModelInput:
    """A batch of encoded requests, the input of the ONNX graph (n rows, L token positions, F features).

    Parameters
    ----------
    token_ids
        int64 (n, L), 0 where a row is shorter.
    token_weights
        float32 (n, 2, L): row 0 averages the last user turn, row 1 the rest of the conversation; each sums to 1,
        or to 0 where that part is empty.
    features
        float32 (n, F): `serving.decision.features`.
    """

    token_ids: IntArray
    token_weights: FloatArray
    features: FloatArray


@fast_dataclass
class Prediction:
    """Forecast for one request; K arms in bundle order, the first is the baseline.

    Parameters
    ----------
    success
        (K,) calibrated P(success | arm).
    uplift, uplift_lower, uplift_upper
        (K-1,) P(success | arm) - P(success | baseline) and its interval.
    output_tokens_mean, output_tokens_p95
        (K,) tokens, hidden ones included.
    latency_mean_ms, latency_p95_ms
        (K,) milliseconds of one call.
    support
        In [0, 1]; low means outside the training data.
    task_probabilities
        (T,) in the manifest's task order; empty where the history has no task labels.
    """

    success: tuple[float, ...]
    uplift: tuple[float, ...]
    uplift_lower: tuple[float, ...]
    uplift_upper: tuple[float, ...]
    output_tokens_mean: tuple[float, ...]
    output_tokens_p95: tuple[float, ...]
    latency_mean_ms: tuple[float, ...]
    latency_p95_ms: tuple[float, ...]
    support: float
    task_probabilities: tuple[float, ...] = ()


@fast_dataclass
class ArmEstimate:
    """Expected success, cost and latency of one arm for a request."""

    success: float
    cost_usd: Usd
    latency_p95_ms: float
    output_tokens: float


@fast_dataclass
class Caps:
    """Hard limits of a call, sent with every decision."""

    max_reasoning_tokens: int
    max_retries: int
    max_total_ms: int


@fast_dataclass
class Decision:
    """The decision for one request: arm, propensity, bucket, estimates, caps and reason."""

    decision_id: str
    arm: str
    model: str
    effort: Effort
    bucket: Bucket
    propensity: float
    reason: str
    estimates: Mapping[str, ArmEstimate]
    caps: Caps
    support: float
    fallback: Fallback | None
    bundle_id: str
    policy: str
    elapsed_us: int


@fast_dataclass
class Applied:
    """What the provider was really asked for, in a call that a decision was made for.

    Parameters
    ----------
    model
        That the call names; None where it is not known.
    effort
        That the call asks for, in its body or by the model's own default; None where it is not known.
    not_applied
        Why the call does not ask for what was decided, as a short code; empty where it does.
    arm
        The arm that amounts to this model and effort; None where none does, or where they are not known.
    propensity
        Probability, in (0, 1], with which this request was to get this treatment, whichever arm was drawn: the sum over
        all arms that would have come to it; None without an arm.
    integration
        Who put the decision into the call; None where nobody of ours did.
    effort_history
        Efforts of the session after this call, where they stand inside the conversation.
    """

    model: str | None
    effort: Effort | None
    not_applied: str = ""
    arm: str | None = None
    propensity: float | None = None
    integration: Integration | None = None
    effort_history: EffortHistory | None = None
