"""A keys file with one key of each scope, and an authorizer on a clock that the test moves."""

from __future__ import annotations

from pathlib import Path

from serving.auth.api_keys import SCOPES, NewKey, make_key
from serving.auth.authorizer import Authorizer
from serving.auth.key_file import KeyFile, write_keys


class Clock:
    """Seconds that a test moves."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class KeySet:
    """Keys by name: one per scope, `slow` with 1 decision per second and a burst of 3, and `old`, which has expired."""

    def __init__(self, folder: Path) -> None:
        self.keys: dict[str, NewKey] = {scope: make_key(scope, [scope]) for scope in SCOPES}
        self.keys["slow"] = make_key("slow", ["decide"], decisions_per_second=1.0, burst=3.0)
        self.keys["old"] = make_key("old", ["decide"], expires_at=900.0)
        self.path = folder / "keys.toml"
        write_keys(self.path, [made.key for made in self.keys.values()])
        self.clock = Clock()
        self.authorizer = Authorizer(KeyFile(self.path), epoch=self.clock, monotonic=self.clock)

    def token(self, name: str) -> str:
        return self.keys[name].token
