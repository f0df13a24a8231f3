"""Packages are named with their versions and read from their archives; what is there is not downloaded again."""

from __future__ import annotations

import io
import json
import tarfile
import zipfile
from pathlib import Path

from training.capabilities import downloads


def test_every_package_names_a_version() -> None:
    wheels = (downloads.LITELLM, downloads.MODELPARAMS, downloads.PYDANTIC, *downloads.LANGCHAIN.values())
    assert all(len(package.split("==")) == 2 for package in wheels)
    assert all(package.count("@") == 2 for package in (downloads.PI_AI, downloads.PI_CATALOG))


def test_facts_come_out_of_archives_that_are_there_already(tmp_path: Path) -> None:
    name, version = downloads.LITELLM.split("==")
    with zipfile.ZipFile(tmp_path / f"{name}-{version}-py3-none-any.whl", "w") as wheel:
        entry = {"litellm_provider": "openai", "mode": "chat", "supports_reasoning": True}
        wheel.writestr("litellm/model_prices_and_context_window_backup.json", json.dumps({"gpt-9": entry}))
    source = downloads._litellm(tmp_path)
    assert (source.name, source.package, source.version) == ("litellm", "litellm", version)
    assert [(fact.host, fact.model) for fact in source.facts] == [("openai", "gpt-9")]


def test_npm_archives_are_read_without_node(tmp_path: Path) -> None:
    model = {"id": "glm-9", "reasoning": True}
    ai = {"package/dist/providers/data/zai.json": {"openai-completions": {"chat:glm-9": model}}}
    catalog = {"package/src/models.json": {"zai": {"glm-9": {"reasoning": True}}}}
    for package, members in ((downloads.PI_AI, ai), (downloads.PI_CATALOG, catalog)):
        plain, _, version = package.rpartition("@")
        with tarfile.open(tmp_path / f"{plain[1:].replace('/', '-')}-{version}.tgz", "w:gz") as archive:
            for path, content in members.items():
                text = json.dumps(content).encode()
                member = tarfile.TarInfo(path)
                member.size = len(text)
                archive.addfile(member, io.BytesIO(text))
    sources = downloads._pi(tmp_path)
    assert [(source.name, len(source.facts)) for source in sources] == [("pi-ai", 1), ("pi-catalog", 1)]
    assert sources[0].package == "@earendil-works/pi-ai"
