"""Prior model: predictions from the kind of task alone, for the cold start and where support is low.

A rule classifier that a person can follow: the strongest phrase that asks for a kind of task counts, phrases that only
indicate it count less, and structure (sums, code fences) adds a little. It reads the head and the tail of the last
user turn, and never a bundle's features: it works, and means the same, with any bundle or none.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from serving.decision.harness import harness_call, user_words
from serving.decision.prior.phrase_matching import Phrase, PhraseTable, parse_phrases
from serving.decision.prior.task_taxonomy import KINDS, OTHER
from serving.decision.request_traits import is_follow_up
from serving.decision.types import Arm, Effort, Prediction, Request

_HEAD, _TAIL = 320, 240
_OPENING_SCORE, _INNER_SCORE, _TOPIC_SCORE = 2.0, 1.0, 0.7
"""Score of a request phrase that opens its sentence, of one further inside it, and of a topic phrase."""
_OUTER_SENTENCE_FACTOR = 1.5
"""Factor for a phrase that opens the first or the last sentence: instructions stand there."""
_MANY_NUMBERS = 3
_TWO_NUMBERS = 2
_MIN_SCORE = 2.0
"""Score from which a kind counts; below it the system prompt is added, then the request is `other`."""
_MAX_TOPIC_SCORE = 1.4
_CLEAR_LEAD = 1.5
"""A kind that leads by this factor is taken alone; otherwise the first two are weighted by squared score."""

_STRENGTH: dict[Effort, float] = {
    "none": 0.0,
    "minimal": 0.25,
    "low": 0.55,
    "medium": 0.8,
    "high": 1.0,
    "xhigh": 1.05,
    "max": 1.08,
}
"""Share of the uplift at high effort that an effort reaches; it has diminishing returns."""
_P95_TOKENS, _P95_LATENCY = 2.5, 2.5
"""The p95 of one call as a multiple of its mean: long tails are assumed until there is a history."""

_SUM = re.compile(r"\d\s*[-+*/^×÷=<>%]\s*\(?-?\d|[=∑∫√≤≥∈π]|\\(?:frac|int|sum|sqrt)|\b[a-z]\s*[-+^=]\s*\d")
_OPERAND = re.compile(r"[-+*/^×÷=<>%]\s*\(?-?\d")
_SIGN = re.compile(r"[=∑∫√≤≥∈π\\]")
"""Every match of `_SUM` contains one of these two, which cost a quarter: they begin with a set of characters."""
_NUMBER = re.compile(r"\d+(?:[.,]\d+)?")
_QUESTION = re.compile(r"[?？]\s*\S{0,40}\s*$")
_SMALL_SUM = re.compile(r"\D*\d{1,2}\s*[-+*/x×]\s*\d{1,2}\D*")
_CODE = re.compile(r"```|\bdef \w+\(|\bfunction \w+\(|;\s*\n|\bSELECT\b|#include|\bimport \w+")

_CODE_MARKS = ("```", "def ", "function ", ";", "SELECT", "#include", "import ")
"""Every match of `_CODE` contains one of these; searching for them first costs a tenth."""


@dataclass(frozen=True, slots=True)
class TaskMatch:
    """Classification of a request by kind of task.

    Parameters
    ----------
    weights
        By kind name; they sum to 1.
    phrases
        The phrases that matched, in the order of the text; for explanations, never for logs.
    """

    weights: tuple[tuple[str, float], ...]
    phrases: tuple[str, ...]

    @property
    def kind(self) -> str:
        """Name of the most probable kind."""
        return max(self.weights, key=lambda item: item[1])[0]


class PriorModel:
    """Prior knowledge with the interface of a bundle.

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
        """Predict one request from its kind of task; support is 0, for nothing was learnt.

        Examples
        --------
        >>> from serving.decision.types import Message
        >>> model = PriorModel((Arm("direct", "m"), Arm("reasoning", "m", "high")))
        >>> model.predict_request(Request((Message("user", "Prove that there are infinitely many primes."),))).uplift
        (0.25,)
        """
        task = classify_task(request)
        weights = dict(task.weights)
        kinds = [(kind, weights[kind.name]) for kind in (*KINDS, OTHER) if kind.name in weights]
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
            task_probabilities=tuple(weights.get(name, 0.0) for name in self.tasks),
        )


def classify_task(request: Request) -> TaskMatch:
    """Classify a request by kind of task.

    A task that the request states is taken as it is, and so is a call that a tool makes on its own behalf. Otherwise
    the user's own words are read: the last user turn is classified; where that is a short follow-up, the longest of the
    last user turns; where the result is not clear, the system prompt counts as well.

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
    stated = _KIND_OF_LABEL.get((request.task or "").strip().lower().replace("-", "_").replace(" ", "_"))
    if stated is not None:
        return TaskMatch(((stated, 1.0),), ())
    request = user_words(request)
    call = harness_call(request)
    if call is not None:
        return TaskMatch(((call, 1.0),), ())
    matched: list[str] = []
    scores = _scores(_instruction(request), matched)
    if max(scores, default=0.0) < _MIN_SCORE:
        system = "\n".join(m.text for m in request.messages if m.role in ("system", "developer"))
        if system:
            prompt_scores, phrases = _system_scores(_window(system))
            matched += phrases
            scores = [turn + prompt for turn, prompt in zip(scores, prompt_scores, strict=True)]
    return TaskMatch(_weigh(scores), tuple(matched))


def _instruction(request: Request) -> str:
    users = [message.text for message in request.messages if message.role == "user"]
    if not users:
        return request.messages[-1].text
    if is_follow_up(request):
        return max(users[-4:], key=len)
    return users[-1]


@lru_cache(maxsize=256)
def _system_scores(window: str) -> tuple[tuple[float, ...], tuple[str, ...]]:
    """Score the window of a system prompt, and give the phrases that matched; prompts recur, so results are kept."""
    matched: list[str] = []
    return tuple(_scores(window, matched)), tuple(matched)


def _window(text: str) -> str:
    """Give what is read of a text: its head and its tail."""
    return text if len(text) <= _HEAD + _TAIL else f"{text[:_HEAD]}\n{text[-_TAIL:]}"


def _scores(text: str, matched: list[str]) -> list[float]:
    """Score every kind, and append the phrases that matched to `matched`."""
    window = _window(text)
    requests, topics = [0.0] * len(KINDS), [0.0] * len(KINDS)
    seen: set[Phrase] = set()
    for match in _TABLE.find(window):
        phrase = match.phrase
        if phrase in seen:
            continue
        seen.add(phrase)
        matched.append(phrase.text)
        if phrase.is_request:
            score = _OPENING_SCORE if match.opens_sentence else _INNER_SCORE
            if match.opens_sentence and match.in_outer_sentence:
                score *= _OUTER_SENTENCE_FACTOR
            requests[phrase.kind] = max(requests[phrase.kind], score)
        else:
            topics[phrase.kind] = min(topics[phrase.kind] + _TOPIC_SCORE, _MAX_TOPIC_SCORE)
    return _add_structure(window, [request + topic for request, topic in zip(requests, topics, strict=True)])


def _add_structure(text: str, scores: list[float]) -> list[float]:
    """Add the scores of sums and of code; a sum of two small numbers alone is trivia, not maths."""
    maths, code, trivia = _INDEX["maths"], _INDEX["code"], _INDEX["trivia"]
    numbers = len(_NUMBER.findall(text))
    if numbers == _TWO_NUMBERS and _SMALL_SUM.fullmatch(text):
        scores[trivia] += _OPENING_SCORE * _OUTER_SENTENCE_FACTOR
        scores[maths] = 0.0
        return scores
    if (_OPERAND.search(text) or _SIGN.search(text)) and _SUM.search(text):
        scores[maths] += _TOPIC_SCORE
    if numbers >= _MANY_NUMBERS:
        if scores[maths] > 0.0:
            scores[maths] += _TOPIC_SCORE
        elif max(scores) < _MIN_SCORE and _QUESTION.search(text):
            scores[maths] += _MIN_SCORE  # several numbers and a question, and no other task
    if any(mark in text for mark in _CODE_MARKS) and _CODE.search(text):
        scores[code] += _TOPIC_SCORE
        scores[maths] -= min(scores[maths], _TOPIC_SCORE)
    return scores


def _weigh(scores: Sequence[float]) -> tuple[tuple[str, float], ...]:
    first, second = sorted(range(len(scores)), key=lambda place: -scores[place])[:2]
    if scores[first] < _MIN_SCORE:
        return ((OTHER.name, 1.0),)
    if scores[first] >= _CLEAR_LEAD * scores[second]:
        return ((KINDS[first].name, 1.0),)
    ours, theirs = scores[first] ** 2, scores[second] ** 2
    share = ours / (ours + theirs)
    return ((KINDS[first].name, share), (KINDS[second].name, 1.0 - share))


_INDEX = {kind.name: place for place, kind in enumerate(KINDS)}
_KIND_OF_LABEL = {label: kind.name for kind in KINDS for label in (kind.name, *kind.aliases)}
_TABLE = PhraseTable(
    phrase
    for place, kind in enumerate(KINDS)
    for phrase in (
        *parse_phrases(kind.request_phrases, place, is_request=True),
        *parse_phrases(kind.topic_phrases, place, is_request=False),
    )
)
