"""The checks of a release find what is missing."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from tests.deploy.release_check import NotReleasable, require_changelog, require_complete, version_of


def test_version_stands_in_one_place() -> None:
    version = version_of()
    assert version.count(".") == 2
    root = Path(__file__).parents[2]
    places = [
        p for half in ("training", "serving") for p in (root / half).rglob("*.py") if f'"{version}"' in p.read_text()
    ]
    assert places == []


@pytest.mark.parametrize(
    ("text", "heading"),
    [("## 1.2.0 (2026-12-01)\n## 1.1.0\n", "1.2.0 (2026-12-01)"), ("## Unreleased\n", "Unreleased")],
)
def test_a_section_of_the_changelog_is_found(text: str, heading: str) -> None:
    assert require_changelog("1.2.0", text) == heading


def test_a_changelog_that_forgot_the_version_is_refused() -> None:
    with pytest.raises(NotReleasable, match=r"no section for 1\.2\.0"):
        require_changelog("1.2.0", "## 1.1.0\n")


def test_a_wheel_without_a_file_is_refused(tmp_path: Path) -> None:
    wheel = tmp_path / "x.whl"
    with zipfile.ZipFile(wheel, "w") as file:
        file.writestr("training/__init__.py", "")
    with pytest.raises(NotReleasable, match="not in the wheel"):
        require_complete(wheel)
