"""The notebooks run from top to bottom, in order, and are committed without outputs and without anything reusable."""

from __future__ import annotations

import ast
import os
import warnings
from pathlib import Path

import nbformat
import pytest

FOLDER = Path(__file__).parents[2] / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))
REUSABLE = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)


def test_there_are_the_three_that_the_readme_names() -> None:
    assert [path.name[:2] for path in NOTEBOOKS] == ["01", "02", "03"]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_outputs_are_not_committed_and_nothing_reusable_is_defined(path: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            assert not cell.outputs, f"{path.name} has outputs: clear them before you commit"
            assert cell.execution_count is None, f"{path.name} was committed as executed: clear it"
            defined = [node for node in ast.walk(ast.parse(cell.source)) if isinstance(node, REUSABLE)]
            assert not defined, f"{path.name} defines {ast.unparse(defined[0])[:60]!r}: put it into a package"


def test_they_run_in_order_and_show_what_they_promise(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("THINKGATE_NOTEBOOKS", str(tmp_path))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(FOLDER.parent), os.environ.get("PYTHONPATH", "")]))
    monkeypatch.setenv("MPLBACKEND", "module://matplotlib_inline.backend_inline")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # jupyter_client, about event loops and paths of its own
        from nbclient import NotebookClient

        shown = {}
        for path in NOTEBOOKS:
            notebook = nbformat.read(path, as_version=4)
            place = {"metadata": {"path": str(FOLDER)}}
            NotebookClient(notebook, timeout=400, kernel_name="python3", resources=place).execute()
            shown[path.stem[:2]] = notebook
    text = {number: _text(notebook) for number, notebook in shown.items()}
    assert "1,200 of 1,200 rows used, 600 prompts" in text["01"]
    assert "only reasoning succeeds" in text["01"]
    assert "SYNTHETIC DATA" in text["02"]
    assert "on task types left out of training" in text["02"]
    assert "per-task average" in text["02"]
    assert "a success is worth 0.10 USD" in text["03"]
    assert [_images(notebook) for notebook in shown.values()] == [2, 2, 1]
    assert (tmp_path / "bundle" / "manifest.json").exists()
    assert not list(FOLDER.glob("**/*.parquet")), "a notebook wrote into the repository"


def _text(notebook: nbformat.NotebookNode) -> str:
    outputs = [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]
    return "\n".join(output.get("text", "") or output.get("data", {}).get("text/plain", "") for output in outputs)


def _images(notebook: nbformat.NotebookNode) -> int:
    outputs = [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]
    return sum("image/png" in output.get("data", {}) for output in outputs)
