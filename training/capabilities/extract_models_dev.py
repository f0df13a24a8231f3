"""Facts from the models.dev repository: reasoning options of each model at each host, by its contributors."""

from __future__ import annotations

import posixpath
import subprocess
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from serving.decision.providers.capabilities import host_name
from training.capabilities.facts import Fact


def read_models_dev(repository: Path) -> dict[str, dict[str, Any]]:
    """Read every model file of a clone's newest commit, by path; an entry that builds on another includes it."""
    listed = _git(repository, "ls-tree", "-r", "HEAD", "--format=%(objectmode) %(objectname) %(path)").decode()
    files = [line.split(" ", 2) for line in listed.splitlines() if line.endswith(".toml") and "models/" in line]
    output = _git(repository, "cat-file", "--batch", stdin="".join(f"{name}\n" for _, name, _ in files).encode())
    texts: dict[str, str] = {}
    links: dict[str, str] = {}
    start = 0
    for mode, _, path in files:
        header, _, rest = output[start:].partition(b"\n")
        size = int(header.split()[2])
        (links if mode == _LINK else texts)[path] = rest[:size].decode()
        start += len(header) + size + 2
    for path, target in links.items():
        linked = posixpath.normpath(posixpath.join(posixpath.dirname(path), target))
        if linked in texts:  # a link to a file that is gone says nothing
            texts[path] = texts[linked]
    read = {path: tomllib.loads(text) for path, text in texts.items()}
    return {path: _with_base(entry, read) for path, entry in read.items()}


_LINK = "120000"


def newest_commit(repository: Path) -> str:
    """Give date and short hash of a clone's newest commit."""
    return _git(repository, "log", "-1", "--format=%cs %h").decode().strip()


def _git(repository: Path, *arguments: str, stdin: bytes = b"") -> bytes:
    command = ["git", f"--git-dir={repository}", *arguments]
    return subprocess.run(command, input=stdin, stdout=subprocess.PIPE, check=True).stdout  # noqa: S603  (git, read)


def _with_base(entry: Mapping[str, Any], read: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    base = read.get(f"models/{entry.get('base_model')}.toml")
    return dict(entry) if base is None else {**base, **entry}


def models_dev_facts(entries: Mapping[str, Mapping[str, Any]]) -> Iterator[Fact]:
    """Yield the facts of all hosts' models, from their files by path."""
    for path, entry in sorted(entries.items()):
        parts = path.split("/", 3)
        if parts[0] != "providers" or len(parts) < 4 or parts[2] != "models":
            continue
        host, model = host_name(parts[1]), parts[3].removesuffix(".toml")
        kind = _kind(entry)
        if kind:
            yield Fact(host, model, kind=kind)
        elif entry.get("reasoning"):
            yield _models_dev_fact(host, model, entry)
        else:
            yield Fact(host, model, reasons=False)


def _kind(entry: Mapping[str, Any]) -> str:
    output = (entry.get("modalities") or {}).get("output") or ["text"]
    return "" if "text" in output else "image" if "image" in output else "speech" if "audio" in output else "other"


def _models_dev_fact(host: str, model: str, entry: Mapping[str, Any]) -> Fact:
    options = {option["type"]: option for option in entry.get("reasoning_options") or ()}
    values = [value for value in (options.get("effort") or {}).get("values") or () if value is not None]
    budget = options.get("budget_tokens")
    stated = "reasoning_options" in entry
    off: bool | None = None
    if stated:
        low = (budget or {}).get("min")
        off = "toggle" in options or "none" in values or (low == 0) or (None if budget and not values else False)
    interleaved = entry.get("interleaved")
    field = interleaved.get("field") if isinstance(interleaved, dict) else None
    efforts = tuple(value for value in values if value in _ORDER)
    return Fact(
        host,
        model,
        reasons=True,
        efforts=efforts or (() if stated else None),
        off=off,
        budget=None if budget is None else (int(budget.get("min", -1)), int(budget.get("max", -1))),
        out=(entry.get("limit") or {}).get("output"),
        sampling=_WORDS.get(str(entry.get("temperature")), ""),
        history="reasoning_content_on_tool_turns" if field == "reasoning_content" else "",
    )


_WORDS = {"False": "refused", "True": "ok"}
_ORDER = ("minimal", "low", "medium", "high", "xhigh", "max")
