"""Smallest real parts of a model: a WordPiece tokenizer, a token table, boosters of a few leaves, all made by seed."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cache

import lightgbm as lgb
import numpy as np

from serving.decision.features import FEATURE_NAMES
from serving.decision.features.model_inputs import EncoderLimits
from serving.decision.types import Arm, FloatArray, Message, Request
from training.encoders.design_matrix import design_rows
from training.encoders.quantization import quantized_values
from training.encoders.static import StaticEncoder
from training.models.fitted_model import (
    Components,
    FittedModel,
    PiecewiseLinear,
    QuantityHead,
    SuccessHead,
    SupportHead,
    TaskHead,
    TreeHead,
    UpliftHead,
)

DIMS = 6
WIDTH = 2 * DIMS + len(FEATURE_NAMES)
ARMS = (
    Arm("direct", "gpt-5.1"),
    Arm("reasoning", "gpt-5.1", "high", default_output_tokens=2500.0, default_latency_ms=20000.0),
    Arm("deep", "gpt-5.2", "max", default_output_tokens=9000.0),
)
_WORDS = [
    "what",
    "is",
    "the",
    "sum",
    "of",
    "a",
    "list",
    "prove",
    "why",
    "plan",
    "three",
    "steps",
    "code",
    "def",
    "17",
    "+",
    "?",
]


def request(text: str, *turns: Message, tools: int = 0) -> Request:
    """Give a request whose last user turn is `text`, after other turns."""
    return Request((*turns, Message("user", text)), tools=tools)


def requests(n: int, seed: int = 0) -> tuple[Request, ...]:
    """Give random texts of 0 to 60 words, every third one after a system turn."""
    rng = np.random.default_rng(seed)
    made = []
    for k in range(n):
        text = " ".join(rng.choice(_WORDS, size=rng.integers(0, 60)))
        made.append(request(text, *([Message("system", "plan the list of steps")] if k % 3 == 0 else [])))
    return tuple(made)


@cache
def tokenizer_json() -> str:
    """Give a BERT-like tokenizer of letters, digits and a few words."""
    letters = "abcdefghijklmnopqrstuvwxyz0123456789"
    signs = "+-*/=?.,:;()"
    pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", *letters, *(f"##{c}" for c in letters), *signs]
    pieces += [word for word in _WORDS if len(word) > 1]
    vocabulary = {piece: number for number, piece in enumerate(dict.fromkeys(pieces))}
    special = [
        {"id": number, "content": pieces[number], "single_word": False, "lstrip": False, "rstrip": False}
        | {"normalized": False, "special": True}
        for number in range(4)
    ]
    return json.dumps(
        {
            "version": "1.0",
            "truncation": None,
            "padding": None,
            "added_tokens": special,
            "normalizer": {
                "type": "BertNormalizer",
                "clean_text": True,
                "handle_chinese_chars": True,
                "strip_accents": None,
                "lowercase": True,
            },
            "pre_tokenizer": {"type": "BertPreTokenizer"},
            "post_processor": {"type": "BertProcessing", "sep": ["[SEP]", 3], "cls": ["[CLS]", 2]},
            "decoder": None,
            "model": {
                "type": "WordPiece",
                "unk_token": "[UNK]",
                "continuing_subword_prefix": "##",
                "max_input_chars_per_word": 100,
                "vocab": vocabulary,
            },
        }
    )


@cache
def encoder() -> StaticEncoder:
    """Give a static encoder whose table lies on its grid."""
    rows = len(json.loads(tokenizer_json())["model"]["vocab"])
    limits = EncoderLimits(max_chars=400, max_tokens=64)
    table = quantized_values(np.random.default_rng(5).normal(size=(rows, DIMS)).astype(np.float32), limits.max_tokens)
    return StaticEncoder("tiny", tokenizer_json(), table, limits, "tiny")


@cache
def rows() -> FloatArray:
    """Give the design rows that the boosters are trained on."""
    return design_rows(encoder(), requests(300))


def booster(seed: int, *, rounds: int = 12, scale: float = 1.0, shift: float = 0.0, **settings: object) -> lgb.Booster:
    """Train a small booster on a random mix of columns."""
    rng = np.random.default_rng(seed)
    x = rows().astype(np.float64)
    mix = np.tanh(x @ rng.normal(size=WIDTH) / (np.abs(x).max() + 1)) + rng.normal(scale=0.1, size=len(x))
    chosen = {"objective": "regression", "num_leaves": 7, "learning_rate": 0.2, "min_data_in_leaf": 5}
    chosen |= {"verbose": -1, "num_threads": 1, "seed": seed, "deterministic": True} | settings
    return lgb.train(chosen, lgb.Dataset(x, scale * mix + shift), rounds)


def head(*seeds: int, scale: float = 1.0, shift: float = 0.0, offset: float = 0.0) -> TreeHead:
    """Give the mean of some boosters plus an offset."""
    boosters = tuple(booster(seed, scale=scale, shift=shift) for seed in seeds)
    return TreeHead(boosters, (1.0 / len(seeds),) * len(seeds), offset)


def curve(values: Sequence[float], low: float, high: float) -> PiecewiseLinear:
    """Give a map with evenly spaced knots."""
    return PiecewiseLinear(np.linspace(low, high, len(values)), np.asarray(values, dtype=np.float64))


@cache
def model(arms: int = 2, *, tasks: bool = True) -> FittedModel:
    """Give a model of every kind of head: ensembles, constants, a direct uplift for the first arm only."""
    rng = np.random.default_rng(7)
    x = rows().astype(np.float64)
    scale = 1.0 / np.maximum(x.std(axis=0), 0.1)
    scale[:: DIMS + 1] = 0.0
    components = Components(x.mean(axis=0), scale, np.linalg.qr(rng.normal(size=(WIDTH, 6)))[0])
    residual = components.residual(x)
    z = components.of(x)
    z /= np.linalg.norm(z, axis=1, keepdims=True)
    uplift = [
        UpliftHead(
            0.5 if arm == 1 else 1.0,
            head(40, scale=0.2) if arm == 1 else None,
            curve([-0.3, 0.0, 0.02, 0.4], -0.5, 0.5),
            curve([0.1, 0.2, 0.05], -0.4, 0.4),
            curve([0.15], 0.0, 0.0),
        )
        for arm in range(1, arms)
    ]
    return FittedModel(
        success=tuple(
            SuccessHead(
                head(k, 10 + k, offset=0.3),
                curve([0.02, 0.4, 0.5, 0.99], 0.1, 0.9),
                head(70 + k) if arms == 2 else None,  # with two arms, unseen kinds lean on heads of their own
            )
            for k in range(arms)
        ),
        uplift=tuple(uplift),
        output_tokens=tuple(QuantityHead(head(20 + k, shift=5.0, offset=0.2), 2.5 + k, "history") for k in range(arms)),
        latency_ms=tuple(QuantityHead(2000.0 * (k + 1), 3.0, "defaults") for k in range(arms)),
        support=SupportHead(
            components,
            z[:9],
            curve([0.0, 0.1, 1.0], 0.0, 0.9),
            curve([1.0, 0.7, 0.0], np.median(residual), 1000 * residual.max()),
        ),
        widening=1.5,
        tasks=TaskHead(("maths", "code", "chat"), rng.normal(size=(6, 3)) / 5, rng.normal(size=3)) if tasks else None,
    )
