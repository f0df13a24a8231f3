"""Starts an installed `thinkgate-server` that has only its own dependencies, and asks it: `make server-alone`.

Run with the server environment's own interpreter; it needs nothing but the standard library and what the server needs.
"""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
from pathlib import Path

FOREIGN = ("torch", "lightgbm", "sklearn", "pandas", "mlflow", "pyarrow", "pytest", "transformers")
ARMS = Path(__file__).parents[2] / "data" / "arms.toml"


def main() -> int:
    """Exit with 0 where all is as promised."""
    scripts = Path(sys.executable).parent
    there = [name for name in FOREIGN if importlib.util.find_spec(name)]
    assert not there, f"the server's environment holds {', '.join(there)}"
    with tempfile.TemporaryDirectory() as folder:
        keys = Path(folder) / "keys.toml"
        made = subprocess.run(
            [scripts / "thinkgate-keys", "new", "check", "--file", keys], capture_output=True, text=True, check=True
        )
        key = made.stdout.strip()
        command = ["--cold-start", "--arms", ARMS, "--http-port", "0", "--grpc-port", "0", "--keys", keys]
        server = subprocess.Popen(
            [scripts / "thinkgate-server", *command], cwd=folder, stdout=subprocess.PIPE, text=True
        )
        try:
            assert server.stdout
            announcement = server.stdout.readline()
            url = next(word for word in announcement.split() if word.startswith("http://"))
            assert _ask(url, None) == 401
            assert _ask(url, key) == 200
        finally:
            server.terminate()
            code = server.wait(30)
    assert code == 0, f"the server ended with {code}"
    print(f"ok: {announcement.strip()}")
    return 0


def _ask(url: str, key: str | None) -> int:
    headers = {"content-type": "application/json"} | ({} if key is None else {"x-api-key": key})
    body = json.dumps({"prompt": "What is 17 * 23?"}).encode()
    request = urllib.request.Request(url + "/v1/decisions", body, headers)
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            assert json.load(answer)["arm"]
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


if __name__ == "__main__":
    raise SystemExit(main())
