"""Facts survive being written and read, and equal statements are written once."""

from __future__ import annotations

from pathlib import Path

from training.capabilities import Fact, Source, load_all, save
from training.capabilities.facts import FOLDER, load


def test_facts_are_read_as_they_were_written(tmp_path: Path) -> None:
    facts = (
        Fact("openai", "gpt-9", "chat", True, ("low", "high"), off=True, budget=(1, 2), out=3, inband=True),
        Fact("openai", "gpt-9-mini", reasons=False),
        Fact("groq", "x/y", refuses=("low",), kind="image", efforts=()),
    )
    path = save(Source("one", "one-package", "1.2", "MIT", facts), tmp_path)
    read = load(path)
    assert (read.name, read.package, read.version, read.licence) == ("one", "one-package", "1.2", "MIT")
    assert sorted(map(repr, read.facts)) == sorted(map(repr, facts))
    assert load_all(tmp_path) == (read,)


def test_equal_statements_share_one_entry(tmp_path: Path) -> None:
    same = tuple(Fact("openai", f"gpt-{number}", reasons=True, out=128_000) for number in range(9))
    text = save(Source("one", "p", "1", "MIT", same), tmp_path).read_text()
    assert text.count("128000") == 1


def test_the_committed_facts_are_of_all_sources() -> None:
    sources = {source.name: source for source in load_all(FOLDER)}
    assert set(sources) == {"langchain", "litellm", "models-dev", "modelparams", "pi-ai", "pi-catalog", "pydantic-ai"}
    assert all(source.licence == "MIT" and source.facts for source in sources.values())
    assert sum(len(source.facts) for source in sources.values()) > 10_000
