"""Generates synthetic prompts in blocks of fixed size, so that a prompt does not depend on how many are asked for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from serving.decision import Message, Request
from training.synthetic.prices import PriceTable
from training.synthetic.prompt_sample import PromptSample
from training.synthetic.prompt_templates import load_wording
from training.synthetic.response_model import Circumstances, respond, success
from training.synthetic.spec import WorldSpec
from training.synthetic.task_types import BASE_TASKS, FOLLOW_UP, LANGUAGE_PENALTY, LANGUAGES, TASKS
from training.types import Array, BoolArray

BLOCK: Final = 4096
"""Prompts that are drawn together."""

PROMPTS, CALLS = 0, 1
"""Streams of chance: the second item of a generator's seed."""

_DAY = 86_400.0
_TENANTS: Final = ("acme", "globex", "initech", "umbrella", "hooli", "stark")
_TENANT_SHARES: Final = np.array([0.36, 0.22, 0.16, 0.12, 0.08, 0.06])
_SYSTEM_SHARE = 0.12


def draw_block(spec: WorldSpec, costs: PriceTable, block: int) -> PromptSample:
    """Draw the prompts at the places block x BLOCK to (block + 1) x BLOCK - 1."""
    rng = np.random.default_rng([spec.seed, PROMPTS, block])
    index = np.arange(block * BLOCK, (block + 1) * BLOCK)
    timestamp = _moments(spec, rng)
    shifted = np.zeros(BLOCK, bool) if spec.shift is None else timestamp >= spec.start + spec.shift.day * _DAY
    tasks = _tasks(spec, rng, shifted)
    base_tasks = tasks.copy()
    followers = np.flatnonzero(tasks == FOLLOW_UP)
    base_tasks[followers] = _pick(rng, _base_mix(spec), len(followers))
    languages = _pick(rng, spec.languages or LANGUAGES, BLOCK)
    level: Array = rng.random(BLOCK) ** np.exp(-spec.difficulty)
    hidden = spec.hidden * rng.standard_normal(BLOCK)
    requests = _requests(rng, timestamp, _conversations(rng, tasks, base_tasks, languages, level))
    input_tokens, cached = _input_tokens(requests)
    penalty = np.array([LANGUAGE_PENALTY[language] for language in languages.tolist()])
    circumstances = Circumstances(base_tasks, level, penalty, hidden, shifted, input_tokens, cached)
    return PromptSample(
        spec.arms, index, requests, tasks, base_tasks, languages, level, timestamp, shifted, input_tokens, cached,
        respond(circumstances, spec.arms, costs, spec.shift), _expected_success(spec, circumstances),
    )  # fmt: skip


def _moments(spec: WorldSpec, rng: np.random.Generator) -> Array:
    """Epoch seconds, whole milliseconds, busiest in the early afternoon."""
    day = np.floor(rng.random(BLOCK) * spec.days)
    hour = (13.5 + 3.5 * rng.standard_normal(BLOCK)) % 24.0
    seconds: Array = np.minimum(day * _DAY + hour * 3600.0, spec.days * _DAY - 1.0)
    return spec.start + np.round(seconds, 3)


def _tasks(spec: WorldSpec, rng: np.random.Generator, shifted: BoolArray) -> NDArray[np.object_]:
    mix = spec.mix or {name: traits.share for name, traits in TASKS.items()}
    tasks = _pick(rng, mix, BLOCK)
    if spec.shift is not None:
        later = _pick(rng, {name: share * spec.shift.mix.get(name, 1.0) for name, share in mix.items()}, BLOCK)
        tasks = np.where(shifted, later, tasks)
    return tasks


def _base_mix(spec: WorldSpec) -> Mapping[str, float]:
    """Tasks that follow-ups are about: those of the world's mix, or all where it has nothing but follow-ups."""
    shares = {name: traits.share for name, traits in TASKS.items()} if spec.mix is None else spec.mix
    mix = {name: shares.get(name, 0.0) for name in BASE_TASKS}
    return mix if sum(mix.values()) > 0 else {name: TASKS[name].share for name in BASE_TASKS}


def _pick(rng: np.random.Generator, shares: Mapping[str, float], n: int) -> NDArray[np.object_]:
    names = np.array(list(shares), dtype=object)
    weights = np.array(list(shares.values()), dtype=np.float64)
    bounds = np.cumsum(weights / weights.sum())
    picked: NDArray[np.object_] = names[np.searchsorted(bounds, rng.random(n), side="right").clip(0, len(names) - 1)]
    return picked


def _conversations(
    rng: np.random.Generator,
    tasks: NDArray[np.object_],
    base_tasks: NDArray[np.object_],
    languages: NDArray[np.object_],
    level: Array,
) -> list[tuple[Message, ...]]:
    """Write the turns; one generator serves all, group after group."""
    talks: list[tuple[Message, ...]] = [()] * len(tasks)
    for language in LANGUAGES:
        of_language = languages == language
        if not of_language.any():
            continue
        words = load_wording(language)
        for task in BASE_TASKS:
            rows = np.flatnonzero(of_language & (base_tasks == task))
            for row, text in zip(rows.tolist(), words.write(rng, task, level[rows]), strict=True):
                talks[row] = (Message("user", text),)
        rows = np.flatnonzero(of_language & (tasks == FOLLOW_UP))
        texts = [talks[row][0].text for row in rows.tolist()]
        for row, (ask, reply, yes) in zip(rows.tolist(), words.converse(rng, texts, level[rows]), strict=True):
            talks[row] = (Message("user", ask), Message("assistant", reply), Message("user", yes))
        system = words.style["system"]
        rows = np.flatnonzero(of_language & (rng.random(len(tasks)) < _SYSTEM_SHARE))
        for row, place in zip(rows.tolist(), rng.integers(len(system), size=len(rows)).tolist(), strict=True):
            talks[row] = (Message("system", system[place]), *talks[row])
    return talks


def _requests(rng: np.random.Generator, timestamp: Array, talks: list[tuple[Message, ...]]) -> tuple[Request, ...]:
    tenants = _pick(rng, dict(zip(_TENANTS, _TENANT_SHARES.tolist(), strict=True)), len(talks)).tolist()
    days = (timestamp // _DAY).astype(np.int64).tolist()
    desks = rng.integers(400, size=len(talks)).tolist()
    return tuple(
        Request(talk, tenant=tenant, session_id=f"{tenant}-{day}-{desk}")
        for talk, tenant, day, desk in zip(talks, tenants, days, desks, strict=True)
    )


def _input_tokens(requests: tuple[Request, ...]) -> tuple[Array, Array]:
    """Count about as a tokenizer would: 4 characters of ASCII, or 1.5 others, are a token; a turn costs 4 more.

    Of a follow-up, what the call before it already sent counts as cached.
    """
    counts = np.empty((2, len(requests)))
    for row, request in enumerate(requests):
        sizes = [_text_tokens(message.text) for message in request.messages]
        counts[:, row] = sum(sizes), sum(sizes[:-2]) if len(sizes) > 2 else 0
    return counts[0], counts[1]


def _text_tokens(text: str) -> int:
    if text.isascii():
        return 4 + len(text) // 4
    wide = sum(character > "\u2e7f" for character in text)
    return 4 + (len(text) - wide) // 4 + int(wide / 1.5)


def _expected_success(spec: WorldSpec, circumstances: Circumstances) -> Array:
    """Average P(success) over the hidden part by Gauss-Hermite quadrature; float64 (n, K)."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(9)
    parts = [
        weight * success(replace(circumstances, hidden=np.full(BLOCK, spec.hidden * node)), spec.arms, spec.shift)
        for node, weight in zip(nodes.tolist(), weights.tolist(), strict=True)
    ]
    total: Array = np.sum(parts, axis=0) / weights.sum()
    return total
