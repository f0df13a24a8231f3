"""Quick dataclasses are the dataclasses that they were, and no other class becomes one."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import FrozenInstanceError, dataclass, field, fields, replace

import pytest

from serving.decision.fast_dataclass import quick


@quick
@dataclass(frozen=True, slots=True)
class Quick:
    """All kinds of fields."""

    plain: int
    default: str = "x"
    made: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Slow:
    """The same without the decorator."""

    plain: int
    default: str = "x"
    made: dict[str, int] = field(default_factory=dict)


@pytest.mark.parametrize("make", [lambda c: c(1), lambda c: c(1, "y"), lambda c: c(made={"a": 1}, plain=2)])
def test_the_same_values_as_without(make: Callable[[type], object]) -> None:
    one, other = make(Quick), make(Slow)
    assert type(one) is Quick
    assert repr(one) == repr(other).replace("Slow", "Quick")
    assert one == make(Quick)
    assert copy.deepcopy(one) == one


def test_every_instance_gets_its_own_default() -> None:
    assert Quick(1).made is not Quick(1).made


def test_stays_frozen() -> None:
    value = Quick(1)
    with pytest.raises(FrozenInstanceError):
        value.plain = 2  # type: ignore[misc]
    assert replace(value, default="z") == Quick(1, "z")
    assert [item.name for item in fields(value)] == ["plain", "default", "made"]


def test_arguments_are_checked() -> None:
    with pytest.raises(TypeError, match="plain"):
        Quick()  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="other"):
        Quick(1, other=2)  # type: ignore[call-arg]


def test_refuses_what_it_does_not_suit() -> None:
    @dataclass(slots=True)
    class Loose:
        x: int

    @dataclass(frozen=True)
    class Unslotted:
        x: int

    @dataclass(frozen=True, slots=True)
    class Checked:
        x: int

        def __post_init__(self) -> None:
            raise AssertionError

    @dataclass(frozen=True, slots=True)
    class Derived(Slow):
        more: int = 0

    for unsuited in (Loose, Unslotted, Checked, Derived, int):
        with pytest.raises(TypeError):
            quick(unsuited)
