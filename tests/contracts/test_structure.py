"""The structure that CONTRIBUTING promises: folder sizes, mirrored tests, unique class names, imports by package."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from tests.support.servers import ROOT

MOST_MODULES = 14
GENERATED = {"proto", "migrations"}

# Modules without a mirrored test, each with its reason; ten at most.
UNTESTED: dict[str, str] = {
    "training/types.py": "type aliases, no behaviour",
    "training/report/chart_specs.py": "plain values; the tests of plots and charts build and draw them",
    "training/savings/results.py": "plain values; the tests of estimate and html fill and render them",
    "serving/service/ports.py": "protocols without behaviour",
}

# Public class names that stand for two things, each with its reason; five at most.
SHARED_NAMES: dict[str, str] = {}


def _modules() -> Iterator[Path]:
    for half in ("training", "serving"):
        for path in sorted((ROOT / half).rglob("*.py")):
            if not GENERATED & set(path.parts):
                yield path


def _own() -> list[Path]:
    return [path for path in _modules() if path.name != "__init__.py"]


def test_folders_stay_small() -> None:
    count = Counter(path.parent for path in _own())
    assert {str(folder.relative_to(ROOT)): n for folder, n in count.items() if n > MOST_MODULES} == {}


def test_every_module_has_its_test_at_the_mirrored_place() -> None:
    missing = []
    for path in _own():
        place = path.relative_to(ROOT)
        if not (ROOT / "tests" / place.parent / f"test_{place.name}").exists():
            missing.append(place.as_posix())
    assert sorted(set(missing) - set(UNTESTED)) == []
    assert sorted(set(UNTESTED) - set(missing)) == [], "these have a test by now: take them off the list"
    assert len(UNTESTED) <= 10


def test_every_mirrored_test_has_its_module() -> None:
    orphans = []
    for half in ("training", "serving"):
        for path in sorted((ROOT / "tests" / half).rglob("test_*.py")):
            place = path.relative_to(ROOT / "tests")
            if not (ROOT / place.parent / place.name.removeprefix("test_")).exists():
                orphans.append(place.as_posix())
    assert orphans == []


def test_a_public_class_name_stands_for_one_thing() -> None:
    places: dict[str, list[str]] = {}
    for path in _own():
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                places.setdefault(node.name, []).append(str(path.relative_to(ROOT)))
    double = {name: where for name, where in places.items() if len(where) > 1}
    assert {name: where for name, where in double.items() if name not in SHARED_NAMES} == {}
    assert set(SHARED_NAMES) <= set(double)
    assert len(SHARED_NAMES) <= 5


def test_other_packages_import_from_the_package() -> None:
    packages = {_dotted(path.parent) for path in _modules() if path.name == "__init__.py"}
    names = {_dotted(path) for path in _own()}
    deep = []
    for path in _own():
        home = _dotted(path.parent)
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and node.module in names:
                package = node.module.rpartition(".")[0]
                inside = home == package or home.startswith(f"{package}.")
                if package not in {"training", "serving"} and not inside:
                    deep.append(f"{path.relative_to(ROOT)}: {node.module}")
            outside = (
                isinstance(node, ast.ImportFrom) and home != node.module and not home.startswith(f"{node.module}.")
            )
            if isinstance(node, ast.ImportFrom) and node.module in packages and outside:
                deep += [
                    f"{path.relative_to(ROOT)}: the module {node.module}.{alias.name}"
                    for alias in node.names
                    if f"{node.module}.{alias.name}" in names and alias.name not in _exports(node.module)
                ]
    assert deep == []


def test_faces_export_what_their_modules_define() -> None:
    for stub in sorted(ROOT.glob("training/**/*.pyi")) + sorted(ROOT.glob("serving/**/*.pyi")):
        if GENERATED & set(stub.parts):
            continue
        for node in ast.parse(stub.read_text()).body:
            if isinstance(node, ast.ImportFrom):
                module = stub.parent / (node.module or "").replace(".", "/")
                # A sub-package defines what its own interface exports.
                defined = _exports(_dotted(module)) if module.is_dir() else _defined(module.with_suffix(".py"))
                assert {alias.name for alias in node.names} <= defined, f"{stub}: {node.module}"


def test_modules_open_with_one_sentence() -> None:
    for path in _modules():
        opening = (ast.get_docstring(ast.parse(path.read_text())) or "").split("\n")[0]
        assert opening.endswith((".", ":")), f"{path.relative_to(ROOT)}: {opening!r}"


def _dotted(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts)


def _exports(package: str) -> set[str]:
    stub = ROOT / package.replace(".", "/") / "__init__.pyi"
    if not stub.exists():
        return set()
    return {
        alias.name
        for node in ast.parse(stub.read_text()).body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }


def _defined(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            found.add(node.name)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            found.add(node.id)
    return found
