"""What each model accepts: found under any prefix, clamped without falling to no reasoning."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from serving.decision import BadCapabilities
from serving.decision.providers.capabilities import (
    UNKNOWN,
    capabilities_version,
    find_capability,
    load_registry,
    use_capabilities,
)
from serving.decision.types import EFFORTS, Effort

with (Path(__file__).with_name("adjudicated.csv")).open(newline="") as _file:
    ADJUDICATED = tuple(csv.DictReader(_file))
"""Facts on which sources disagree, each decided by the provider's own documents or by a call that somebody made."""


@pytest.mark.parametrize(
    ("model", "switch", "floor"),
    [
        ("openai/gpt-5.1-2025-11-13", "openai_effort", "none"),
        ("gpt-5-mini", "openai_effort", "minimal"),
        ("azure/o3", "openai_effort", "low"),
        ("openai/gpt-oss-120b", "oss_effort", "low"),
        ("bedrock/anthropic.claude-sonnet-4-5-20250929-v1:0", "anthropic_budget", "none"),
        ("claude-opus-4.6", "anthropic_adaptive", "none"),
        ("gemini-2.5-pro", "gemini_budget", "low"),
        ("gemini-3-pro-preview", "gemini_level", "low"),
        ("Qwen/Qwen3-8B", "template_enable_thinking", "none"),
        ("deepseek-ai/DeepSeek-V3.1", "template_thinking", "none"),
        ("deepseek-reasoner", "fixed", "high"),
    ],
)
def test_models_are_found_under_their_prefixes(model: str, switch: str, floor: str) -> None:
    found = find_capability(model)
    assert (found.switch, found.efforts[0]) == (switch, floor)


@pytest.mark.parametrize("model", ["gpt-4o", "llama-4-maverick", "", "my-gpt-5.1", "Qwen3-4B-Instruct-2507"])
def test_unknown_models_take_no_parameter(model: str) -> None:
    assert find_capability(model) is UNKNOWN


@pytest.mark.parametrize(
    ("model", "asked", "sent"),
    [
        ("gpt-5.1", "max", "high"),
        ("gpt-5.1", "minimal", "low"),
        ("gpt-5-mini", "none", "minimal"),
        ("Qwen/Qwen3-8B", "low", "high"),
        ("Qwen/Qwen3-8B", "none", "none"),
        ("gemini-3-pro", "medium", "low"),
        ("gpt-5-pro", "none", "high"),
    ],
)
def test_clamps_to_what_the_model_accepts(model: str, asked: Effort, sent: Effort) -> None:
    assert find_capability(model).clamp(asked) == sent


@pytest.mark.parametrize("fact", ADJUDICATED, ids=lambda fact: "-".join((fact["host"], fact["model"], fact["field"])))
def test_adjudicated_facts_hold(fact: dict[str, str]) -> None:
    """At OpenAI the facts without an endpoint are those of /responses, which takes one effort more than chat."""
    endpoint = fact["endpoint"] or ("responses" if fact["host"] == "openai" else "")
    found = find_capability(fact["model"], fact["host"], endpoint)
    if fact["field"] == "efforts":
        assert [effort for effort in found.efforts if effort != "none"] == fact["value"].split("|")
    elif fact["field"] == "off":
        assert ("none" in found.efforts) == (fact["value"] == "true")
    elif fact["value"] == "thinks":
        assert found.default not in (None, "none")
    else:
        assert getattr(found, fact["field"]) == fact["value"]


def test_no_refused_effort_is_chosen_for_any_adjudicated_model() -> None:
    """Without an endpoint too, where what holds at all of them counts."""
    assert len(ADJUDICATED) == 127
    for fact in ADJUDICATED:
        for endpoint in ("", fact["endpoint"]):
            chosen = {find_capability(fact["model"], fact["host"], endpoint).clamp(effort) for effort in EFFORTS}
            if fact["field"] == "off" and fact["value"] == "false":
                assert "none" not in chosen
            if fact["field"] == "efforts":
                assert chosen <= {"none", *fact["value"].split("|")}


@pytest.mark.parametrize(
    ("names", "host"),
    [
        (("claude-opus-4.5", "claude-opus-4-5", "claude-opus-4-5-20251101", "anthropic/claude-opus-4.5"), ""),
        (("us.anthropic.claude-opus-4-5-20251101-v1:0", "claude-4.5-opus"), "bedrock"),
        (("openai/gpt-5.1", "gpt-5.1-2025-11-13", "GPT-5.1", "gpt-5.1-high", "gpt5.1"), "openai"),
        (("zai-org/GLM-4.6-FP8", "z-ai/glm-4.6:free", "glm-4.6"), "zai"),
        (("magistral-medium", "mistral/magistral-medium-latest"), "mistral"),
    ],
)
def test_spellings_of_one_model_find_one_capability(names: tuple[str, ...], host: str) -> None:
    assert len({replace(find_capability(name, host), family="") for name in names}) == 1
    assert find_capability(names[0], host).is_known


def test_dated_variants_of_deepseek_stay_apart() -> None:
    """`deepseek-v4-pro-0813` is another model than `deepseek-v4-pro`: nothing of the one is claimed of the other."""
    assert find_capability("deepseek-v4-pro").switch == "thinking_type"
    assert find_capability("deepseek-v4-pro-0813", "deepseek").switch == "fixed"


@pytest.mark.parametrize("model", ["gemini-3-pro-image-preview", "gpt-realtime", "gemini-2.5-flash-preview-tts"])
def test_models_that_do_not_chat_are_told_apart(model: str) -> None:
    found = find_capability(model)
    assert (found.switch, found.kind != "chat") == ("fixed", True)


def test_a_host_without_a_row_inherits_no_control() -> None:
    own, other = find_capability("claude-opus-4-5"), find_capability("claude-opus-4-5", "some-reseller")
    assert own.switch == "anthropic_budget"
    assert (other.switch, other.efforts) == ("fixed", ("high",))
    assert (other.is_known, other.output_tokens) == (True, own.output_tokens)


def test_a_host_that_normalises_takes_over_the_makers_efforts() -> None:
    found = find_capability("grok-3-mini", "openrouter")
    assert (found.switch, found.efforts) == ("reasoning_object", ("none", "low", "high"))


def test_an_endpoint_may_take_less() -> None:
    assert "max" in find_capability("gpt-5.6-sol", endpoint="responses").efforts
    assert "max" not in find_capability("gpt-5.6-sol", endpoint="chat").efforts
    assert find_capability("gpt-5.6-sol") == find_capability("gpt-5.6-sol", endpoint="chat")


@pytest.fixture
def _shipped_again() -> Iterator[None]:
    yield
    use_capabilities(None)


@pytest.mark.usefixtures("_shipped_again")
def test_an_operators_overrides_come_last(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(
        '[[model]]\nhost = "*"\nmatch = "house-model*"\nswitch = "plain_effort"\nefforts = ["low", "high"]\n'
        'off = true\nwhy = "our own server"\n'
        '[[model]]\nhost = "openai"\nmatch = "gpt-5.1"\nefforts = ["low"]\nwhy = "our contract"\n'
    )
    shipped = capabilities_version()
    assert find_capability("house-model-2") is UNKNOWN
    assert use_capabilities(path) == capabilities_version() != shipped
    assert find_capability("house-model-2").efforts == ("none", "low", "high")
    assert find_capability("gpt-5.1").efforts == ("none", "low")
    path.write_text("[[model]]\n")
    with pytest.raises(BadCapabilities, match="line 1"):
        use_capabilities(path)
    assert find_capability("gpt-5.1").efforts == ("none", "low")
    use_capabilities(None)
    assert capabilities_version() == shipped == load_registry().version
    assert find_capability("gpt-5.1").efforts == ("none", "low", "medium", "high")
