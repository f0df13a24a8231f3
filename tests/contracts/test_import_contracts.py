"""Every import contract holds, and every one of them can fail: one forbidden import in a copy breaks it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.support.servers import ROOT

# One forbidden import per contract: the module that gets it, and the line.
FORBIDDEN = {
    "serving-without-training": ("serving/service/admission.py", "import pandas"),
    "kernel-without-frameworks": ("serving/decision/ids.py", "import pydantic"),
    "training-uses-kernel-and-journal": ("training/dataset/splits.py", "import serving.http_api"),
    "layers-of-training": ("training/records/quarantine.py", "import training.dataset"),
    "layers-of-serving": ("serving/journal/rows.py", "import serving.service"),
    "layers-of-the-kernel": ("serving/decision/features/counts.py", "import serving.decision.prior"),
    "dask-in-one-package": ("training/models/fit.py", "import dask"),
}


def _contracts() -> list[str]:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())
    return [contract["id"] for contract in settings["tool"]["importlinter"]["contracts"]]


def _copy(folder: Path) -> Path:
    for half in ("training", "serving"):
        shutil.copytree(ROOT / half, folder / half, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", folder)
    return folder


def _lint(folder: Path, *options: str) -> str:
    command = [str(Path(sys.executable).parent / "lint-imports"), "--no-cache", *options]
    environment = os.environ | {"PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=300).stdout


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _copy(tmp_path_factory.mktemp("copy"))


def test_every_contract_is_tried() -> None:
    assert sorted(FORBIDDEN) == sorted(_contracts())


def test_all_contracts_hold(copy: Path) -> None:
    assert f"Contracts: {len(FORBIDDEN)} kept, 0 broken." in _lint(copy)


@pytest.mark.parametrize("contract", FORBIDDEN)
def test_a_forbidden_import_breaks_it(copy: Path, contract: str) -> None:
    name, line = FORBIDDEN[contract]
    path = copy / name
    before = path.read_text()
    try:
        path.write_text(f"{before}\n{line}\n")
        assert "Contracts: 0 kept, 1 broken." in _lint(copy, "--contract", contract)
    finally:
        path.write_text(before)


@pytest.mark.parametrize(
    ("name", "contract"),
    [("training/new_module.py", "layers-of-training"), ("serving/decision/new_module.py", "layers-of-the-kernel")],
)
def test_a_module_outside_the_layers_breaks_it(copy: Path, name: str, contract: str) -> None:
    path = copy / name
    try:
        path.write_text('"""A module that no layer names."""\n')
        assert "new_module" in _lint(copy, "--contract", contract)
        assert "0 broken" not in _lint(copy, "--contract", contract)
    finally:
        path.unlink()
