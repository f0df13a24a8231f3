"""Renders the Helm chart with Helm's own engine, and writes the plain manifests from it: `make kubernetes`."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parents[2]
CHART: Final = ROOT / "deploy" / "helm" / "thinkgate"
PLAIN: Final = ROOT / "deploy" / "kubernetes"
NAME: Final = "thinkgate"
HEAD: Final = "# Written by `make kubernetes` from deploy/helm/thinkgate: change it there, or with kustomize.\n"
VARIANTS: Final[dict[str, dict[str, Any]]] = {
    "as it is": {},
    "volume": {"bundleClaim": "thinkgate-bundle", "retrain": {"enabled": False}},
    "by hand": {
        "autoscaling": {"enabled": False},
        "networkPolicy": {"enabled": False},
        "image": {"pullSecrets": ["login"]},
    },
    "all of it": {
        "tlsSecret": "thinkgate-tls",
        "serviceMonitor": {"enabled": True},
        "prometheusRule": {"enabled": True},
        "options": {"store-prompts": "hash", "trace-share": 0.5, "retention-days": 90},
        "workers": 2,
        "nodeSelector": {"kubernetes.io/arch": "amd64"},
        "tolerations": [{"key": "inference", "operator": "Exists"}],
    },
}
"""Values that together reach every branch of the templates."""

# Helm is Go: it gets a process of its own, so that its threads and signals are not the tests'.
_LINT: Final = "import helm_python, json, sys; print(json.dumps(helm_python.lint(sys.argv[1], strict=True)))"
_RENDER: Final = """
import json, sys
import helm_python
told = json.load(sys.stdin)
try:
    with helm_python.Chart.load(told["chart"]) as chart:
        print(json.dumps({"files": chart.render(told["values"], name=told["name"], namespace=told["name"])}))
except helm_python.HelmError as error:
    print(json.dumps({"refused": str(error)}))
"""


class Refused(Exception):
    """Helm renders nothing of these values."""


def render(values: dict[str, Any], name: str = NAME) -> dict[str, str]:
    """Render the chart.

    Returns
    -------
    dict
        File name of a template to what it gives; templates that give nothing are left out.

    Raises
    ------
    Refused
        With what Helm says.
    """
    told = json.dumps({"chart": str(CHART), "values": values, "name": name})
    ended = subprocess.run([sys.executable, "-c", _RENDER], input=told, capture_output=True, text=True, check=True)
    answer = json.loads(ended.stdout)
    if "refused" in answer:
        raise Refused(answer["refused"])
    files = {Path(path).name: text.strip() + "\n" for path, text in answer["files"].items()}
    return {name: text for name, text in files.items() if name.endswith(".yaml") and re.search(r"(?m)^kind:", text)}


def lint() -> list[str]:
    """Give what `helm lint --strict` finds, without its advice."""
    ended = subprocess.run([sys.executable, "-c", _LINT, CHART], capture_output=True, text=True, check=True)
    report = json.loads(ended.stdout)
    return [*report["errors"], *(each["error"] for each in report["messages"] if each["severity"] > 1)]


def main() -> None:
    """Write the plain manifests."""
    for name, text in render({}).items():
        (PLAIN / name).write_text(HEAD + text, "utf-8")


if __name__ == "__main__":
    main()
