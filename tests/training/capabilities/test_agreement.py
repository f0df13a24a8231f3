"""The judge is not among the sources of what it judges; the committed registry stays as right as it was measured."""

from __future__ import annotations

from serving.decision.providers.capabilities import read_overrides
from serving.decision.providers.capabilities.overrides import parse_overrides
from training.capabilities import OVERRIDES, Fact, Source, judge, load_all


def _source(name: str, *facts: Fact) -> Source:
    return Source(name, name, "1", "MIT", facts)


def _fact(efforts: tuple[str, ...], model: str = "grok-9", off: bool | None = True) -> Fact:
    return Fact("xai", model, reasons=True, efforts=efforts, off=off)


def test_what_the_judge_says_is_compared_and_not_used() -> None:
    said = _source("pi-ai", _fact(("low", "high")), _fact(("low", "max"), "grok-10"))
    judging = _source(
        "models-dev", _fact(("low", "high")), _fact(("low",), "grok-10", False), _fact(("low",), "grok-11")
    )
    known, efforts, off, own, safe, everywhere = judge([said, judging], ())
    assert (known.right, known.total, known.misses) == (2, 3, ("xai grok-11: unknown",))
    assert (efforts.right, efforts.total) == (1, 3)
    assert "xai grok-10: efforts low, here low|max" in efforts.misses
    assert off.misses == ("xai grok-10: off False, here True",), "an unknown model is off as far as it is known"
    assert (own.right, own.total, safe.right, everywhere.total) == (1, 2, 1, 3)
    assert str(own).endswith("1 of 2 (50.0%)")


def test_statements_that_are_settled_otherwise_are_left_out() -> None:
    said, judging = _source("pi-ai", _fact(("low", "high"))), _source("models-dev", _fact(("high",)))
    assert judge([said, judging], ())[1].total == 1
    assert judge([said, judging], (), {("xai", "grok9", "efforts")})[1].total == 0


def test_an_override_counts() -> None:
    said, judging = _source("pi-ai", _fact(("low", "high"))), _source("models-dev", _fact(("high", "max")))
    toml = '[[model]]\nhost = "xai"\nmatch = "grok-9"\nefforts = ["high", "max"]\nwhy = "tried"\n'
    assert judge([said, judging], parse_overrides(toml))[1].right == 1


def test_the_committed_registry_is_as_right_as_docs_benchmarks_say() -> None:
    known, efforts, off, own, _, _ = judge(load_all(), read_overrides(OVERRIDES))
    assert known.right / known.total > 0.97
    assert efforts.right / efforts.total > 0.92
    assert off.right / off.total > 0.92
    assert own.right / own.total > 0.90
