"""models.dev's files are read from a clone's newest commit; entries build on others and may be links."""

from __future__ import annotations

import subprocess
from pathlib import Path

from training.capabilities.extract_models_dev import models_dev_facts, read_models_dev

BASE = 'reasoning = true\ntemperature = false\n[limit]\noutput = 9\n[modalities]\noutput = ["text"]\n'
EFFORT = 'base_model = "openai/gpt-9"\n[[reasoning_options]]\ntype = "effort"\nvalues = ["none", "low", "max"]\n'


def _clone(folder: Path) -> Path:
    files = {"models/openai/gpt-9.toml": BASE, "providers/openai/models/gpt-9.toml": EFFORT}
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (folder / "providers/openai/models/latest.toml").symlink_to("gpt-9.toml")
    (folder / "providers/openai/models/gone.toml").symlink_to("nowhere.toml")
    who = ["-c", "user.name=t", "-c", "user.email=t@example.org"]
    for command in (["init", "-q"], ["add", "."], [*who, "commit", "-qm", "one"]):
        subprocess.run(["git", "-C", folder, *command], check=True, capture_output=True)
    return folder / ".git"


def test_entries_include_what_they_build_on_and_links_are_followed(tmp_path: Path) -> None:
    facts = {fact.model: fact for fact in models_dev_facts(read_models_dev(_clone(tmp_path)))}
    assert set(facts) == {"gpt-9", "latest"}
    found = facts["gpt-9"]
    assert (found.efforts, found.off, found.out, found.sampling) == (("low", "max"), True, 9, "refused")
    assert facts["latest"].efforts == found.efforts


def test_toggles_budgets_and_silence() -> None:
    def read(*options: dict[str, object], **more: object) -> object:
        stated = {"reasoning": True, "reasoning_options": list(options), **more}
        return next(models_dev_facts({"providers/zai/models/m.toml": stated}))

    toggle, budget = read({"type": "toggle"}), read({"type": "budget_tokens", "min": 0, "max": 5})
    assert (toggle.efforts, toggle.off) == ((), True)  # type: ignore[attr-defined]
    assert (budget.off, budget.budget) == (True, (0, 5))  # type: ignore[attr-defined]
    assert read({"type": "budget_tokens", "min": 128}).off is None  # type: ignore[attr-defined]
    assert read({"type": "effort", "values": ["high"]}).off is False  # type: ignore[attr-defined]
    silent = next(models_dev_facts({"providers/zai/models/m.toml": {"reasoning": True}}))
    assert (silent.efforts, silent.off) == (None, None)
    image = next(models_dev_facts({"providers/zai/models/i.toml": {"modalities": {"output": ["image"]}}}))
    assert image.kind == "image"
    field = read(interleaved={"field": "reasoning_content"})
    assert field.history == "reasoning_content_on_tool_turns"  # type: ignore[attr-defined]
