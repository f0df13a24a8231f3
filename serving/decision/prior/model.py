"""Forecasts from prior knowledge of kinds of task alone: the cold start, and what low support falls back on.

A rule classifier that a person can follow: the strongest phrase that asks for a kind of task counts, phrases that hint
at it count less, and structure (sums, code fences) adds a little. It reads the instruction, head and tail of the last
turn, and never a bundle's features: it must work, and mean the same, whatever bundle there is or is not.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from serving.decision.prior.phrase_matching import Phrase, PhraseTable, parse_phrases
from serving.decision.prior.task_taxonomy import KINDS, OTHER
from serving.decision.request_traits import is_follow_up
from serving.decision.types import Arm, Effort, Prediction, Request

_HEAD, _TAIL = 320, 240
_ASK, _BURIED, _HINT = 2.0, 1.0, 0.7
"""What a phrase counts that opens a sentence, that stands further inside it, and that only hints."""
_EDGE = 1.5
"""What opens the first or the last sentence counts more: that is where people say what they want."""
_SEVERAL = 3
_OPERANDS = 2
_ENOUGH = 2.0
"""Score from which a kind counts; below it the system prompt is asked, then the request stays `other`."""
_MOST_HINTS = 1.4
_CLEAR = 1.5
"""A kind that leads by this factor is taken alone; otherwise the first two are mixed by score squared."""

_STRENGTH: dict[Effort, float] = {
    "none": 0.0,
    "minimal": 0.25,
    "low": 0.55,
    "medium": 0.8,
    "high": 1.0,
    "xhigh": 1.05,
    "max": 1.08,
}
"""Share of the uplift at high effort that an effort reaches; it flattens, so more effort must pay for itself."""
_P95_TOKENS, _P95_LATENCY = 2.5, 2.5
"""The p95 of one call as a multiple of its mean: long tails, until a history tells."""

_SUM = re.compile(r"\d\s*[-+*/^×÷=<>%]\s*\(?-?\d|[=∑∫√≤≥∈π]|\\(?:frac|int|sum|sqrt)|\b[a-z]\s*[-+^=]\s*\d")
_OPERAND = re.compile(r"[-+*/^×÷=<>%]\s*\(?-?\d")
_SIGN = re.compile(r"[=∑∫√≤≥∈π\\]")
"""Every match of `_SUM` holds one of these two; they begin with a set of characters, so they cost a quarter."""
_NUMBER = re.compile(r"\d+(?:[.,]\d+)?")
_QUESTION = re.compile(r"[?？]\s*\S{0,40}\s*$")
_TRIFLE = re.compile(r"\D*\d{1,2}\s*[-+*/x×]\s*\d{1,2}\D*")
_CODE = re.compile(r"```|\bdef \w+\(|\bfunction \w+\(|;\s*\n|\bSELECT\b|#include|\bimport \w+")

_CODE_MARKS = ("```", "def ", "function ", ";", "SELECT", "#include", "import ")
"""One of them stands in every match of `_CODE`; looking for them first costs a tenth."""


@dataclass(frozen=True, slots=True)
class TaskMatch:
    """What a request is taken for.

    Parameters
    ----------
    weights
        By kind name; they sum to 1.
    found
        The phrases that spoke, in the order they were found; for explanations, never for logs.
    """

    weights: tuple[tuple[str, float], ...]
    found: tuple[str, ...]

    @property
    def kind(self) -> str:
        """Name the likeliest kind."""
        return max(self.weights, key=lambda item: item[1])[0]


class PriorModel:
    """Prior knowledge in the shape of a model.

    Parameters
    ----------
    arms
        K >= 2, the baseline first; tokens and latencies are their defaults.
    """

    bundle_id = "prior"
    tasks = tuple(kind.name for kind in KINDS)

    def __init__(self, arms: Sequence[Arm]) -> None:
        self.arms = tuple(arms)
        base = _STRENGTH[self.arms[0].effort]
        self._strengths = tuple(_STRENGTH[arm.effort] for arm in self.arms)
        self._steps = tuple(strength - base for strength in self._strengths[1:])
        tokens = tuple(arm.default_output_tokens for arm in self.arms)
        latency = tuple(arm.default_latency_ms for arm in self.arms)
        self._tokens, self._latency = tokens, latency
        self._tokens_p95 = tuple(_P95_TOKENS * mean for mean in tokens)
        self._latency_p95 = tuple(_P95_LATENCY * mean for mean in latency)

    def predict_request(self, request: Request) -> Prediction:
        """Forecast one request from its kind; support is 0, for nothing was learnt.

        Examples
        --------
        >>> from serving.decision.types import Message
        >>> model = PriorModel((Arm("direct", "m"), Arm("reasoning", "m", "high")))
        >>> model.predict_request(Request((Message("user", "Prove that there are infinitely many primes."),))).uplift
        (0.25,)
        """
        verdict = classify_task(request)
        mixed = dict(verdict.weights)
        kinds = [(kind, mixed[kind.name]) for kind in (*KINDS, OTHER) if kind.name in mixed]
        direct = sum(weight * kind.direct for kind, weight in kinds)
        uplift = sum(weight * kind.uplift for kind, weight in kinds)
        lower = sum(weight * kind.lower for kind, weight in kinds)
        upper = sum(weight * kind.upper for kind, weight in kinds)
        bounds = [(step * lower, step * upper) for step in self._steps]
        return Prediction(
            success=tuple(direct + strength * uplift for strength in self._strengths),
            uplift=tuple(step * uplift for step in self._steps),
            uplift_lower=tuple(min(pair) for pair in bounds),
            uplift_upper=tuple(max(pair) for pair in bounds),
            output_tokens_mean=self._tokens,
            output_tokens_p95=self._tokens_p95,
            latency_mean_ms=self._latency,
            latency_p95_ms=self._latency_p95,
            support=0.0,
            task_probabilities=tuple(mixed.get(name, 0.0) for name in self.tasks),
        )


def classify_task(request: Request) -> TaskMatch:
    """Tell what kind of task a request is.

    A task that the request states is believed. Otherwise the last user turn speaks; where it is a short follow-up, the
    turn before it that says more; where neither is clear, the system prompt.

    Examples
    --------
    >>> from serving.decision.types import Message
    >>> def ask(text: str) -> str:
    ...     return classify_task(Request((Message("user", text),))).kind
    >>> ask("Fasse den Artikel in drei Sätzen zusammen."), ask("Resuelve la ecuación x + 3 = 9")
    ('summarising', 'maths')
    >>> ask("把下面的文字翻译成英文")
    'rewriting'
    """
    stated = _STATED.get((request.task or "").strip().lower().replace("-", "_").replace(" ", "_"))
    if stated is not None:
        return TaskMatch(((stated, 1.0),), ())
    found: list[str] = []
    scores = _scores(_instruction(request), found)
    if max(scores, default=0.0) < _ENOUGH:
        system = "\n".join(m.text for m in request.messages if m.role in ("system", "developer"))
        if system:
            scores = [ours + theirs for ours, theirs in zip(scores, _scores(system, found), strict=True)]
    return TaskMatch(_mix(scores), tuple(found))


def _instruction(request: Request) -> str:
    users = [message.text for message in request.messages if message.role == "user"]
    if not users:
        return request.messages[-1].text
    if is_follow_up(request):
        return max(users[-4:], key=len)
    return users[-1]


def _scores(text: str, found: list[str]) -> list[float]:
    """Score every kind, and note the phrases that spoke."""
    window = text if len(text) <= _HEAD + _TAIL else f"{text[:_HEAD]}\n{text[-_TAIL:]}"
    asks, hints = [0.0] * len(KINDS), [0.0] * len(KINDS)
    seen: set[Phrase] = set()
    for sighting in _TABLE.find(window):
        cue = sighting.cue
        if cue in seen:
            continue
        seen.add(cue)
        found.append(cue.phrase)
        if cue.asks:
            weight = _ASK if sighting.opening else _BURIED
            asks[cue.kind] = max(asks[cue.kind], weight * (_EDGE if sighting.edge and sighting.opening else 1.0))
        else:
            hints[cue.kind] = min(hints[cue.kind] + _HINT, _MOST_HINTS)
    return _structured(window, [ask + hint for ask, hint in zip(asks, hints, strict=True)])


def _structured(text: str, scores: list[float]) -> list[float]:
    """Let sums and code speak, and keep a sum that a child does in its head from counting as maths."""
    maths, code, trivia = _PLACES["maths"], _PLACES["code"], _PLACES["trivia"]
    numbers = len(_NUMBER.findall(text))
    if numbers == _OPERANDS and _TRIFLE.fullmatch(text):
        scores[trivia] += _ASK * _EDGE
        scores[maths] = 0.0
        return scores
    if (_OPERAND.search(text) or _SIGN.search(text)) and _SUM.search(text):
        scores[maths] += _HINT
    if numbers >= _SEVERAL:
        if scores[maths] > 0.0:
            scores[maths] += _HINT
        elif max(scores) < _ENOUGH and _QUESTION.search(text):
            scores[maths] += _ENOUGH  # several numbers and a question, and nothing else is asked for
    if any(mark in text for mark in _CODE_MARKS) and _CODE.search(text):
        scores[code] += _HINT
        scores[maths] -= min(scores[maths], _HINT)
    return scores


def _mix(scores: Sequence[float]) -> tuple[tuple[str, float], ...]:
    first, second = sorted(range(len(scores)), key=lambda place: -scores[place])[:2]
    if scores[first] < _ENOUGH:
        return ((OTHER.name, 1.0),)
    if scores[first] >= _CLEAR * scores[second]:
        return ((KINDS[first].name, 1.0),)
    ours, theirs = scores[first] ** 2, scores[second] ** 2
    share = ours / (ours + theirs)
    return ((KINDS[first].name, share), (KINDS[second].name, 1.0 - share))


_PLACES = {kind.name: place for place, kind in enumerate(KINDS)}
_STATED = {label: kind.name for kind in KINDS for label in (kind.name, *kind.aliases)}
_TABLE = PhraseTable(
    cue
    for place, kind in enumerate(KINDS)
    for cue in (*parse_phrases(kind.asks, place, asks=True), *parse_phrases(kind.speaks, place, asks=False))
)
