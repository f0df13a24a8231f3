"""The exception hierarchy: as its module draws it, and caught where callers catch it."""

from __future__ import annotations

import inspect
import re

import pytest

from serving.decision import errors
from serving.decision.errors import BadInput, BadPolicy, BundleCorrupt, BundleRefused, ThinkgateError, Unpriced
from serving.decision.policy.policy_file import parse_policy
from serving.decision.pricing.price_book import price_book
from serving.decision.types import Arm


def drawn_parents() -> dict[str, str]:
    """Read the tree of the module docstring: name of each class to the name of its parent."""
    parents: dict[str, str] = {}
    path: list[str] = []
    for line in inspect.getdoc(errors).splitlines():  # type: ignore[union-attr]  # the module has a docstring
        found = re.match(r"^    ([│├└─ ]*)([A-Z]\w+)(\s{2,}|$)", line)
        if found is None:
            continue
        depth = len(re.findall(r"│   |├── |└── |    ", found[1]))
        path[depth:] = [found[2]]
        if depth:
            parents[found[2]] = path[depth - 1]
    return parents


def test_the_drawn_tree_is_the_real_one() -> None:
    real = {
        name: error.__bases__[0].__name__
        for name, error in inspect.getmembers(errors, inspect.isclass)
        if issubclass(error, ThinkgateError) and error is not ThinkgateError
    }
    assert drawn_parents() == real
    assert len(real) >= 9


def test_invalid_input_and_a_refused_bundle_are_told_apart() -> None:
    assert not issubclass(BundleCorrupt, BadInput)
    assert issubclass(BundleCorrupt, BundleRefused)
    assert not issubclass(BadInput, BundleRefused)


def test_a_caller_can_catch_what_it_sent_wrong() -> None:
    with pytest.raises(BadInput) as invalid:
        parse_policy("x = 1")
    assert type(invalid.value) is BadPolicy
    with pytest.raises(BadInput) as unpriced:
        price_book([Arm("own", "nobody-sells-this")])
    assert type(unpriced.value) is Unpriced
