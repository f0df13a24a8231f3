"""The keys file: strict reading with errors by line, atomic replacement, and reloading when it changes."""

from __future__ import annotations

import logging
import math
import os
import re
import secrets
import stat
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, cast

from serving.auth.api_keys import SCOPES, Key, KeyRing, Scope
from serving.decision import BadInput
from serving.decision.policy import Section, TomlFile, read_text

logger = logging.getLogger("thinkgate.keys")

_ID: Final = re.compile(r"[a-z0-9]{4,32}")
_DIGEST: Final = re.compile(r"[0-9a-f]{64}")


class BadKeys(BadInput):
    """A keys file that can't be used; the keys that were valid before stay valid."""


def load_keys(path: Path) -> KeyRing:
    """Read a keys file.

    Raises
    ------
    BadKeys
        With the line and the key of every fault; also where every user of the machine may write the file.
    """
    try:
        mode = path.stat().st_mode
    except OSError as fault:
        cure = "make one with `thinkgate-keys new NAME`"
        raise BadKeys(f"cannot read the keys in {path}: {fault.strerror or fault}; {cure}") from None
    if mode & stat.S_IWOTH:
        raise BadKeys(f"{path} can be written by every user of this machine: chmod o-w {path}")
    return parse_keys(read_text(path, BadKeys), path.name)


def parse_keys(text: str, source: str = "keys.toml") -> KeyRing:
    """Parse keys; `source` is the file's name in messages.

    Raises
    ------
    BadKeys
        With the line and the key of every fault.

    Examples
    --------
    >>> parse_keys("[[key]]\\nid = 'abcd2345'\\nname = 'gateway'\\nsha256 = 'x'\\nscopes = ['decide']")
    Traceback (most recent call last):
        ...
    serving.auth.key_file.BadKeys: keys.toml, line 4, key[1].sha256: write the 64 hex digits of `thinkgate-keys new`
    """
    file = TomlFile(text, source, BadKeys)
    keys: dict[str, Key] = {}
    for section in file.root.sections("key"):
        key = _read_key(section)
        if key.key_id in keys:
            section.fault("id", f"{key.key_id!r} stands here twice: remove one of the two")
        keys[key.key_id] = key
    file.root.close()
    file.finish()
    return KeyRing(keys)


def write_keys(path: Path, keys: Iterable[Key]) -> None:
    """Replace a keys file atomically: a server that reads it meanwhile sees the old file or the new one.

    Raises
    ------
    BadKeys
        The folder can't be written.
    """
    header = "# API keys of thinkgate, as hashes; `thinkgate-keys` writes this file. A running server sees changes.\n"
    text = header + "".join(_to_toml(key) for key in keys)
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        mode = stat.S_IMODE(path.stat().st_mode) if path.exists() else 0o640
        with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as fault:
        temporary.unlink(missing_ok=True)
        raise BadKeys(f"cannot write {path}: {fault.strerror or fault}; name another with --file FILE") from None


class KeyFile:
    """A watched keys file; `ring` holds the last valid keys.

    Parameters
    ----------
    path
        The file.

    Raises
    ------
    BadKeys
        The file is invalid at the start, or holds no key: then every call would be refused.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen = _stamp(path)
        self._reported = ""
        self.ring = load_keys(path)
        if not self.ring.keys:
            raise BadKeys(f"{path} holds no key: make one with `thinkgate-keys new NAME --file {path}`")

    def refresh(self) -> bool:
        """Reload the file where it changed; an invalid one is logged once and changes nothing.

        Returns
        -------
        bool
            True where the valid keys changed.
        """
        stamp = _stamp(self._path)
        if stamp == self._seen:
            return False
        try:
            fresh = load_keys(self._path)
        except BadKeys as error:
            if str(error) != self._reported:
                self._reported = str(error)
                logger.error("the keys that were live stay live: %s", error)
            return False
        # Only now: a file that was read half written is read again.
        self._seen, self._reported = stamp, ""
        if fresh == self.ring:
            return False
        self.ring = fresh
        logger.info("%d keys are live: %s", len(fresh.keys), ", ".join(sorted(fresh.keys)) or "nobody may call")
        return True


def _stamp(path: Path) -> tuple[int, int, int] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size, status.st_ino


def _read_key(section: Section) -> Key:
    key_id, digest = section.text("id"), section.text("sha256")
    if key_id and not _ID.fullmatch(key_id):
        section.fault("id", "write 4 to 32 small letters and digits")
    if digest and not _DIGEST.fullmatch(digest):
        section.fault("sha256", "write the 64 hex digits of `thinkgate-keys new`")
        digest = ""
    scopes = section.strings("scopes")
    unknown = [scope for scope in scopes if scope not in SCOPES]
    if unknown or not scopes:
        section.fault("scopes", f"name what the key may do: {', '.join(SCOPES)}")
    rate = section.number("decisions_per_second", math.inf, above=True)
    key = Key(
        key_id,
        section.text("name"),
        bytes.fromhex(digest),
        frozenset(cast(Scope, scope) for scope in scopes),
        rate,
        section.number("burst", max(1.0, rate), low=1.0),
        _expiry(section),
    )
    section.close()
    return key


def _expiry(section: Section) -> float:
    if not section.has("expires"):
        return math.inf
    text = section.text("expires")
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        section.fault("expires", 'write a moment such as "2027-01-31T12:00:00+00:00"')
        return math.inf
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _to_toml(key: Key) -> str:
    name = key.name.replace("\\", "\\\\").replace('"', '\\"')
    lines = [f'id = "{key.key_id}"', f'name = "{name}"', f'sha256 = "{key.digest.hex()}"']
    lines.append("scopes = [" + ", ".join(f'"{scope}"' for scope in SCOPES if scope in key.scopes) + "]")
    if math.isfinite(key.decisions_per_second):
        lines += [f"decisions_per_second = {key.decisions_per_second:g}", f"burst = {key.burst:g}"]
    if math.isfinite(key.expires_at):
        lines.append(f'expires = "{datetime.fromtimestamp(key.expires_at, UTC).isoformat(timespec="seconds")}"')
    return "\n[[key]]\n" + "\n".join(lines) + "\n"
