"""Graders that need no model: exact match, numeric, regular expression, JSON schema, Reasoning Gym's verifiers."""

from __future__ import annotations

import importlib
import json
import re
import unicodedata
from fractions import Fraction
from typing import Any, Final

import jsonschema

from training.collector.graders.base import BadCheck, Check, Grade

_TAG: Final = re.compile(r"<answer>(.*?)</answer>", re.DOTALL | re.IGNORECASE)
_BOXED: Final = re.compile(r"\\boxed\{+([^{}]*)\}+")
_NUMBER: Final = re.compile(r"[-+]?(?:\d{1,3}(?:,\d{3})+|\d+)?(?:\.\d+|(?<=\d))(?:[eE][-+]?\d+)?(?:\s*/\s*\d+)?%?")
_FENCE: Final = re.compile(r"```[\w+-]*[ \t]*\r?\n(.*?)```", re.DOTALL)


def final_answer(text: str) -> str:
    r"""Return the final answer of a text: the last `<answer>` or `\boxed{}`, else all of it.

    Examples
    --------
    >>> final_answer("I think so. <answer> 7 </answer>"), final_answer(r"so \boxed{42}"), final_answer(" Paris ")
    ('7', '42', 'Paris')
    """
    for pattern in (_TAG, _BOXED):
        if found := pattern.findall(text):
            return str(found[-1]).strip()
    return text.strip()


def last_code_block(text: str) -> str:
    r"""Return the last fenced block, else the whole text.

    Examples
    --------
    >>> last_code_block("Here:\n```python\nx = 1\n```\nDone.")
    'x = 1\n'
    """
    found = _FENCE.findall(text)
    return str(found[-1]) if found else text


def exact(check: Check, answer: str) -> Grade:
    """Compare texts after normalisation: Unicode NFKC, case, white space, final full stop.

    Examples
    --------
    >>> exact(Check("exact", "Paris"), "<answer>paris.</answer>").success
    1.0
    """
    same = _normalized(final_answer(answer)) == _normalized(str(check.require("answer")))
    return Grade(float(same), "" if same else "another text")


def _normalized(text: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split()).rstrip(".").strip()


def numeric(check: Check, answer: str) -> Grade:
    """Compare the last number of the answer; `tolerance` (default 1e-6) is relative, absolute below 1.

    Examples
    --------
    >>> numeric(Check("numeric", "1234.5"), "That makes 1,234.50 euros.").success
    1.0
    >>> numeric(Check("numeric", "0.5"), r"so \\boxed{1/2}").success, numeric(Check("numeric", "3"), "no idea").success
    (1.0, 0.0)
    """
    expected = _numbers(str(check.require("answer")))
    if not expected:
        raise BadCheck("grader numeric needs an answer that is a number")
    found = _numbers(final_answer(answer)) or _numbers(answer)
    if not found:
        return Grade(0.0, "no number in the answer")
    tolerance = float(check.options.get("tolerance", 1e-6))
    same = abs(found[-1] - expected[-1]) <= tolerance * max(1.0, abs(expected[-1]))
    return Grade(float(same), "" if same else "another number")


def _numbers(text: str) -> list[float]:
    found = []
    for match in _NUMBER.findall(text.replace("\u2212", "-")):
        plain = match.replace(",", "").replace(" ", "")
        percent = plain.endswith("%")
        try:
            value = float(Fraction(plain.rstrip("%"))) if "/" in plain else float(plain.rstrip("%"))
        except (ValueError, ZeroDivisionError, OverflowError):
            continue
        found.append(value / 100 if percent else value)
    return found


def regex(check: Check, answer: str) -> Grade:
    """Search a pattern; with `full` it must match the whole final answer.

    Examples
    --------
    >>> regex(Check("regex", options={"pattern": r"\\bParis\\b"}), "It is Paris.").success
    1.0
    """
    try:
        pattern = re.compile(str(check.require("pattern")))
    except re.error as error:
        raise BadCheck(f"pattern can't be read: {error}") from None
    met = pattern.fullmatch(final_answer(answer)) if check.options.get("full") else pattern.search(answer)
    return Grade(float(met is not None), "" if met else "pattern not met")


def json_schema(check: Check, answer: str) -> Grade:
    """Validate the answer, or its last fenced block, against a JSON schema; an `answer` must equal it too.

    Examples
    --------
    >>> schema = {"type": "object", "required": ["name"]}
    >>> json_schema(Check("json_schema", options={"schema": schema}), '{"name": "Ada"}').success
    1.0
    """
    schema = check.require("schema")
    try:
        jsonschema.validators.validator_for(schema).check_schema(schema)
    except jsonschema.SchemaError as error:
        raise BadCheck(f"schema can't be used: {error.message}") from None
    try:
        value: Any = json.loads(last_code_block(answer).strip())
    except (ValueError, RecursionError):
        return Grade(0.0, "not JSON")
    if not jsonschema.validators.validator_for(schema)(schema).is_valid(value):
        return Grade(0.0, "against the schema")
    if check.answer is not None and value != json.loads(check.answer):
        return Grade(0.0, "another value")
    return Grade(1.0)


def reasoning_gym(check: Check, answer: str) -> Grade:
    """Score with the verifier of the check's `dataset`; `entry` is the dataset's own row (question, answer, metadata).

    Raises
    ------
    BadCheck
        If the package is absent, or knows no such dataset.
    """
    try:
        package = importlib.import_module("reasoning_gym")
    except ImportError:
        raise BadCheck("grader reasoning_gym needs the package: pip install reasoning-gym") from None
    name = str(check.require("dataset"))
    try:
        score = package.get_score_answer_fn(name)
    except (ValueError, KeyError, AttributeError):
        raise BadCheck(f"reasoning-gym knows no dataset {name!r}: see reasoning_gym.factory.DATASETS") from None
    return Grade(min(1.0, max(0.0, float(score(final_answer(answer), check.require("entry"))))))
