"""Checks what a release needs without publishing anything: version, changelog, wheel, and the wheel installed alone.

`make release-check`; the steps of a release stand in CONTRIBUTING.md.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
import tomllib
import venv
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


class NotReleasable(Exception):
    """Something that a release needs is missing; the message says what to do."""


def version_of(root: Path = ROOT) -> str:
    """Read the version from the one place where it stands."""
    return str(tomllib.loads((root / "pyproject.toml").read_text())["project"]["version"])


def require_changelog(version: str, text: str) -> str:
    """Give the heading under which the changelog tells of this version: its own, or `Unreleased` before the tag."""
    headings = re.findall(r"^## (.+)$", text, re.MULTILINE)
    for heading in headings:
        if heading.split(" ")[0].strip("[]") == version:
            return str(heading)
    if headings and headings[0] == "Unreleased":
        return "Unreleased"
    raise NotReleasable(f"CHANGELOG.md has no section for {version} and does not begin with Unreleased: add one")


def require_complete(wheel: Path) -> int:
    """Make sure that the wheel holds every tracked file of both packages; gives their number."""
    tracked = subprocess.run(
        ["git", "ls-files", "training", "serving"], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout.split()
    held = set(zipfile.ZipFile(wheel).namelist())
    missing = sorted(set(tracked) - held)
    if missing:
        raise NotReleasable(f"{len(missing)} files are not in the wheel, the first is {missing[0]}: see [tool.hatch]")
    return len(tracked)


def main() -> int:
    """Run all checks; gives the exit code."""
    version = version_of()
    try:
        print(
            f"version {version}, changelog section '{require_changelog(version, (ROOT / 'CHANGELOG.md').read_text())}'"
        )
        with tempfile.TemporaryDirectory() as folder:
            _run(sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", folder, str(ROOT))
            (wheel,) = Path(folder).glob("*.whl")
            print(f"{wheel.name}: {require_complete(wheel)} files, {wheel.stat().st_size / 1e6:.1f} MB")
            place = Path(folder) / "venv"
            venv.create(place, with_pip=True)
            python = str(place / "bin" / "python")
            constraints = str(ROOT / ".ci" / "constraints.txt")
            _run(python, "-m", "pip", "install", "--quiet", "--constraint", constraints, str(wheel), cwd=folder)
            _run(python, str(ROOT / "tests" / "deploy" / "server_alone.py"), cwd=folder)
        for image in ("server", "training"):
            file = ROOT / "deploy" / "docker" / f"{image}.Dockerfile"
            _run("hadolint", str(file))
            print(f"{file.name}: hadolint has nothing to say")
        found = subprocess.run(
            ["git", "tag", "--list", f"v{version}"], cwd=ROOT, capture_output=True, text=True, check=True
        )
        print(f"tag v{version} {'is there already: raise the version' if found.stdout.strip() else 'is free'}")
    except (NotReleasable, subprocess.CalledProcessError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def _run(*command: str, cwd: str | Path = ROOT) -> None:
    bin_folder = str(Path(sys.executable).parent)
    environment = os.environ | {"PATH": bin_folder + os.pathsep + os.environ["PATH"]}
    environment.pop("PYTHONPATH", None)
    subprocess.run(command, cwd=cwd, env=environment, check=True)


if __name__ == "__main__":
    sys.exit(main())
