"""Tests of the dataclass decorator for the decision path: values, hashing, defaults, read-only for mypy."""

from __future__ import annotations

import copy
import pickle
from dataclasses import asdict, field, fields, replace
from pathlib import Path

import orjson
import pytest
from mypy import api

from serving.decision.fast_dataclass import fast_dataclass


@fast_dataclass
class Sample:
    """All kinds of fields."""

    plain: int
    default: str = "x"
    made: dict[str, int] = field(default_factory=dict)


@fast_dataclass
class Key:
    """Only hashable fields."""

    arm: str
    index: int


def test_equal_values_are_equal_and_hash_alike() -> None:
    assert Key("low", 1) == Key(index=1, arm="low")
    assert Key("low", 1) != Key("low", 2)
    assert {Key("low", 1): "seen"}[Key("low", 1)] == "seen"


def test_every_instance_gets_its_own_default() -> None:
    assert Sample(1).made is not Sample(1).made


def test_the_dataclass_functions_work() -> None:
    sample = Sample(1, made={"a": 2})
    assert replace(sample, default="z") == Sample(1, "z", {"a": 2})
    assert [each.name for each in fields(sample)] == ["plain", "default", "made"]
    assert asdict(sample) == {"plain": 1, "default": "x", "made": {"a": 2}}
    assert orjson.dumps(sample) == b'{"plain":1,"default":"x","made":{"a":2}}'


def test_copies_are_equal_and_independent() -> None:
    sample = Sample(1, made={"a": 2})
    copied = copy.deepcopy(sample)
    copied.made["a"] = 3
    assert sample.made == {"a": 2}
    assert pickle.loads(pickle.dumps(sample)) == sample


def test_arguments_and_attributes_are_checked() -> None:
    with pytest.raises(TypeError, match="plain"):
        Sample()  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="other"):
        Sample(1, other=2)  # type: ignore[call-arg]
    with pytest.raises(AttributeError, match="typo"):
        Sample(1).typo = 2  # type: ignore[attr-defined]


def test_mypy_reports_assignment_to_a_field(tmp_path: Path) -> None:
    module = tmp_path / "assigning.py"
    module.write_text(
        "from serving.decision.fast_dataclass import fast_dataclass\n\n\n"
        "@fast_dataclass\nclass Point:\n    x: int\n\n\n"
        "point = Point(1)\npoint.x = 2\nPoint('a')\n"
    )
    output, _, status = api.run(["--strict", "--cache-dir", str(tmp_path / "cache"), str(module)])
    assert status == 1
    assert 'assigning.py:10: error: Property "x" defined in "Point" is read-only' in output
    assert 'assigning.py:11: error: Argument 1 to "Point" has incompatible type "str"' in output
