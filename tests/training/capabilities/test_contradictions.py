"""A contradiction that nobody has looked at fails the build, with the cure."""

from __future__ import annotations

from pathlib import Path

import pytest

from training.capabilities.contradictions import (
    NewContradiction,
    find_contradictions,
    load_accepted,
    refuse_new,
    save_accepted,
)
from training.capabilities.merge import Merged

DISPUTED = Merged("openai", "gpt9", "gpt-9", claims={"off": {"litellm": "true", "pi-ai": "false"}})


def test_only_makers_and_only_disagreement_count() -> None:
    agreed = Merged("openai", "gpt8", "gpt-8", claims={"off": {"litellm": "true", "pi-ai": "true"}})
    gateway = Merged("openrouter", "gpt9", "gpt-9", claims=DISPUTED.claims)
    found = find_contradictions([DISPUTED, agreed, gateway])
    assert [str(one) for one in found] == ["openai gpt9 off: litellm true, pi-ai false"]


def test_new_ones_fail_and_accepted_ones_pass(tmp_path: Path) -> None:
    path, found = tmp_path / "accepted.json", find_contradictions([DISPUTED])
    assert load_accepted(path) == frozenset()
    with pytest.raises(NewContradiction, match=r"gpt9 off: litellm true(.|\n)*add an override to capabilities.toml"):
        refuse_new(found, load_accepted(path))
    save_accepted(found, path)
    refuse_new(found, load_accepted(path))
    changed = find_contradictions([Merged("openai", "gpt9", "", claims={"off": {"litellm": "false", "pi-ai": "true"}})])
    with pytest.raises(NewContradiction, match="1 new"):
        refuse_new(changed, load_accepted(path))
