"""The server runs on its own dependencies: every other package of this environment is made to be absent.

`make server-alone` shows the same in an environment that holds nothing else; this test is its fast form.
"""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.metadata import distribution, packages_distributions
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.support.servers import ARMS, ROOT

_SCRIPT = """
import importlib.abc, json, pkgutil, signal, sys, threading, urllib.request

class Absent(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in strangers:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

strangers = set(json.loads(sys.argv.pop(1)))
sys.meta_path.insert(0, Absent())
import serving
from serving import main
for module in pkgutil.walk_packages(serving.__path__, "serving."):
    if ".migrations" not in module.name:
        importlib.import_module(module.name)

def say(announcement):
    def ask():
        url = announcement.split(" ready at ")[1].split(" ")[0]
        calls = {"/v1/decisions": {"prompt": "Hi"}, "/v1/outcomes": {"decision_id": "0" * 26}, "/metrics": None}
        for path, body in calls.items():
            data = None if body is None else json.dumps(body).encode()
            request = urllib.request.Request(url + path, data, {"content-type": "application/json"})
            urllib.request.urlopen(request).read()
        print("all answered", flush=True)
        signal.raise_signal(signal.SIGTERM)
    return threading.Thread(target=ask).start

main._announce = say
sys.argv = ["thinkgate-server", *sys.argv[1:]]
main.main()
"""


def _own() -> set[str]:
    """Give the distributions that the server's dependencies reach, extras aside."""
    wanted = [
        Requirement(text)
        for text in distribution("thinkgate").requires or ()
        if "extra ==" not in text.replace("'", '"')
    ]
    reached: set[str] = set()
    while wanted:
        requirement = wanted.pop()
        name = canonicalize_name(requirement.name)
        for text in () if name in reached else distribution(name).requires or ():
            inner = Requirement(text)
            extras = [{"extra": extra} for extra in requirement.extras] or [{"extra": ""}]
            if inner.marker is None or any(inner.marker.evaluate(extra) for extra in extras):
                wanted.append(inner)
        reached.add(name)
    return reached


def test_runs_without_anything_else(tmp_path: Path) -> None:
    own = _own() | {"thinkgate"}
    strangers = [
        name
        for name, givers in packages_distributions().items()
        if not own & {canonicalize_name(giver) for giver in givers} and not name.startswith("_")
    ]
    assert {"torch", "lightgbm", "pandas", "sklearn", "mlflow"} <= set(strangers)
    options = ["--cold-start", "--arms", str(ARMS), "--http-port", "0", "--grpc-port", "0", "--otlp-endpoint"]
    options += ["http://127.0.0.1:1", "--journal", f"sqlite:///{tmp_path}/journal.db"]
    command = [sys.executable, "-c", _SCRIPT, json.dumps([*strangers, "training"]), *options]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert (ended.returncode, ended.stdout) == (0, "all answered\n"), ended.stderr
