"""The committed registry is what the committed facts and overrides give, to the byte; nothing is left unsettled."""

from __future__ import annotations

from pathlib import Path

import orjson

from serving.decision.providers.capabilities import load_registry, read_overrides
from serving.decision.providers.capabilities.overrides import parse_overrides
from serving.decision.providers.capabilities.registry import REGISTRY
from training.capabilities import Fact, Source, load_all
from training.capabilities.build import OVERRIDES, Built, build_registry
from training.capabilities.contradictions import load_accepted, refuse_new

TABLE = '[[model]]\nwhy = "tried"\n'


def _built(*facts: Fact, overrides: str = "", tmp_path: Path | None = None) -> Built:
    return build_registry([Source("pi-ai", "pi", "1", "MIT", facts)], parse_overrides(overrides))


def test_the_committed_registry_is_rebuilt_from_the_committed_facts() -> None:
    built = build_registry(load_all(), read_overrides(OVERRIDES))
    assert built.text == REGISTRY.read_bytes(), "run `thinkgate capabilities update --offline`"
    refuse_new(built.contradictions, load_accepted())
    assert built.agreed == (), "the data says so too: take these overrides out of capabilities.toml"


def test_an_override_that_the_data_agrees_with_is_reported() -> None:
    fact = Fact("xai", "grok-9", reasons=True, efforts=("low", "high"), off=True)
    toml = TABLE + 'host = "xai"\nmatch = "grok-9"\n'
    assert _built(fact, overrides=toml + "off = true\n").agreed != ()
    assert _built(fact, overrides=toml + "off = false\n").agreed == ()


def test_the_first_override_in_the_file_wins(tmp_path: Path) -> None:
    fact = Fact("xai", "grok-9", reasons=True, efforts=("low", "high"))
    toml = TABLE + 'host = "xai"\nmatch = "grok-9"\nefforts = ["max"]\noff = true\n'
    toml += TABLE + 'host = "xai"\nmatch = "grok*"\nefforts = ["low"]\noff = true\ntools_effort = "needs_none"\n'
    path = tmp_path / "registry.json"
    path.write_bytes(_built(fact, overrides=toml).text)
    found = load_registry.__wrapped__(path).find("grok-9")
    assert (found.efforts, found.tools_effort) == (("none", "max"), "needs_none")


def test_a_model_that_only_an_override_names_has_a_row(tmp_path: Path) -> None:
    toml = TABLE + 'host = "xai"\nmatch = "grok-10"\nefforts = ["low", "high"]\n'
    path = tmp_path / "registry.json"
    path.write_bytes(_built(overrides=toml).text)
    assert load_registry.__wrapped__(path).find("grok-10").switch == "plain_effort"


def test_gateways_that_translate_take_over_what_nobody_says_of_them(tmp_path: Path) -> None:
    own = Fact("xai", "grok-9", reasons=True, efforts=("low", "max"), off=True)
    there = Fact("openrouter", "x-ai/grok-9", reasons=True)
    strict = Fact("novita", "x-ai/grok-9", reasons=True)
    path = tmp_path / "registry.json"
    path.write_bytes(_built(own, there, strict).text)
    registry = load_registry.__wrapped__(path)
    assert registry.find("grok-9", "openrouter").efforts == ("none", "low", "max")
    assert registry.find("grok-9", "novita").switch == "fixed"


def test_a_plain_model_is_not_mistaken_for_the_one_whose_name_it_extends(tmp_path: Path) -> None:
    facts = (Fact("xai", "grok-9", reasons=True, efforts=("low", "high")), Fact("xai", "grok-9-preview", reasons=False))
    path = tmp_path / "registry.json"
    path.write_bytes(_built(*facts).text)
    registry = load_registry.__wrapped__(path)
    assert registry.find("grok-9").is_known
    assert not registry.find("grok-9-preview").is_known


def test_the_header_names_the_sources() -> None:
    sources = orjson.loads(REGISTRY.read_bytes())["sources"]
    assert len(sources) == 7
    assert any(source.startswith("litellm 1.") for source in sources)
