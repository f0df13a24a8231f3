"""MLflow model registry client: finds and fetches versions over REST or from a file store, without mlflow."""

from __future__ import annotations

import base64
import json
import re
import shutil
import urllib.error
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from typing import Any, Final, Protocol
from urllib.parse import quote, unquote, urlencode, urlsplit

from serving.decision import ThinkgateError
from serving.decision.bundle import FILES, MANIFEST
from serving.model.bounded_http import Bounds, open_bounded, read_bounded
from serving.model.uri import BadModelUri, ModelUri

_API: Final = "/api/2.0/mlflow"
_FILES_API: Final = "/api/2.0/mlflow-artifacts/artifacts"
_SECONDS: Final = 10.0
_FETCH_SECONDS: Final = 600.0
_MOST_ANSWER: Final = 2**20
_MOST_FILE: Final = {"model.onnx": 2**30}
_MOST_OTHER_FILE: Final = 2**28
_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})
_VERSION: Final = re.compile(r"[0-9]{1,18}")
_YAML_LINE: Final = re.compile(r"^(\w+): (.*)$", re.MULTILINE)


class RegistryDown(ThinkgateError):
    """The registry gave no usable answer; what is live stays live."""


@dataclass(frozen=True, slots=True)
class RegisteredVersion:
    """One version, and where its files are.

    Parameters
    ----------
    location
        Artifact URI of the folder that holds the bundle's files.
    """

    name: str
    version: str
    location: str


class ModelRegistry(Protocol):
    """Where versions are looked up and fetched from."""

    def find(self, uri: ModelUri) -> RegisteredVersion:
        """Look a version up; RegistryDown where there is no answer, or no such version."""
        ...

    def fetch(self, found: RegisteredVersion, folder: Path) -> None:
        """Copy the bundle's files into an empty folder; RegistryDown where that fails."""
        ...


def open_registry(address: str, *, insecure: bool = False) -> ModelRegistry:
    """Choose the reader for an address; nothing is asked yet.

    Parameters
    ----------
    address
        `http(s)://[user:password@]host:port` of an MLflow server, or the folder of a file store.
    insecure
        Allow plain http to another machine: whoever sits between can replace the model and read the password.

    Raises
    ------
    BadModelUri
        It is something else, or plain http to another machine.
    """
    scheme = urlsplit(address).scheme
    if scheme in ("http", "https"):
        host = urlsplit(address).hostname
        if scheme == "http" and host not in _LOOPBACK and not insecure:
            raise BadModelUri(
                f"the registry at {host} would be asked over plain http: use https, or --insecure-registry where nobody"
                " can come between"
            )
        return RestRegistry(address)
    if scheme in ("", "file"):
        return FileRegistry(_local(address))
    raise BadModelUri(
        f"{scheme}: is no registry that can be read: name http(s)://HOST:PORT of `mlflow server`, or a folder"
    )


class RestRegistry:
    """An MLflow tracking server.

    Parameters
    ----------
    address
        Its URL; user and password in it are sent as basic authentication, and shown nowhere.
    seconds, fetch_seconds
        Patience with each answer, and with each file.
    """

    def __init__(self, address: str, seconds: float = _SECONDS, fetch_seconds: float = _FETCH_SECONDS) -> None:
        parts = urlsplit(address)
        host = parts.hostname or ""
        self._base = f"{parts.scheme}://{host}{f':{parts.port}' if parts.port else ''}{parts.path.rstrip('/')}"
        self._seconds, self._fetch_seconds = seconds, fetch_seconds
        self._shares_disk = host in _LOOPBACK
        self._headers = {"accept": "application/json"}
        if parts.username is not None:
            pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}".encode()
            self._headers["authorization"] = "Basic " + base64.b64encode(pair).decode()

    def find(self, uri: ModelUri) -> RegisteredVersion:
        """Look a version up."""
        version = uri.version
        if uri.alias is not None:
            told = self._json(f"{_API}/registered-models/alias", name=uri.name, alias=uri.alias)
            version = _text(told, "model_version", "version")
        place = self._json(f"{_API}/model-versions/get-download-uri", name=uri.name, version=_checked(str(version)))
        return RegisteredVersion(uri.name, str(version), _text(place, "artifact_uri"))

    def fetch(self, found: RegisteredVersion, folder: Path) -> None:
        """Copy the files through the server's artifact proxy; a registry on this machine may name a folder of it."""
        place = urlsplit(found.location)
        if place.scheme in ("", "file") and self._shares_disk:
            _copy(_local(found.location), folder)
            return
        if place.scheme != "mlflow-artifacts":
            raise RegistryDown(
                f"version {found.version} lies at {place.scheme}:, which this server can't read:"
                " start `mlflow server` with --serve-artifacts"
            )
        if ".." in unquote(place.path).split("/"):
            raise RegistryDown(f"version {found.version} lies outside of the registry's artifacts")
        for name in (MANIFEST, *FILES):
            self._download(f"{_FILES_API}{quote(place.path)}/{name}", folder / name)

    def _json(self, path: str, **query: str) -> dict[str, Any]:
        url = f"{self._base}{path}?{urlencode(query)}"
        try:
            told = json.loads(read_bounded(url, self._headers, Bounds(self._seconds, _MOST_ANSWER)))
        except urllib.error.HTTPError as error:
            raise RegistryDown(f"the registry answers {error.code}: {_reason(error)}") from None
        except (OSError, HTTPException, ValueError, RecursionError) as error:
            raise RegistryDown(f"the registry does not answer: {_short(error)}") from None
        if not isinstance(told, dict):
            raise RegistryDown("the registry's answer is no JSON object")
        return told

    def _download(self, path: str, target: Path) -> None:
        bounds = Bounds(self._fetch_seconds, _MOST_FILE.get(target.name, _MOST_OTHER_FILE))
        try:
            with open_bounded(self._base + path, self._headers, bounds) as pieces, target.open("wb") as file:
                for piece in pieces:
                    file.write(piece)
        except urllib.error.HTTPError as error:
            raise RegistryDown(f"{target.name}: the registry answers {error.code}: {_reason(error)}") from None
        except (OSError, HTTPException, ValueError) as error:
            raise RegistryDown(f"{target.name} can't be fetched: {_short(error)}") from None


class FileRegistry:
    """An MLflow file store, as `MLFLOW_ALLOW_FILE_STORE=true` keeps it.

    Parameters
    ----------
    root
        Its folder, with `models/NAME/aliases/` and `models/NAME/version-N/meta.yaml`.
    """

    def __init__(self, root: Path) -> None:
        self._models = root / "models"

    def find(self, uri: ModelUri) -> RegisteredVersion:
        """Look a version up."""
        model = self._models / uri.name
        try:
            version = _checked(uri.version or (model / "aliases" / str(uri.alias)).read_text("utf-8").strip())
            meta = dict(_YAML_LINE.findall((model / f"version-{version}" / "meta.yaml").read_text("utf-8")))
        except (OSError, UnicodeDecodeError) as error:
            raise RegistryDown(f"no version of {uri.name!r} in {self._models}: {_short(error)}") from None
        location = meta.get("storage_location", "null")
        location = meta.get("source", "null") if location == "null" else location
        return RegisteredVersion(uri.name, version, location.strip("'\""))

    def fetch(self, found: RegisteredVersion, folder: Path) -> None:
        """Copy the files."""
        if urlsplit(found.location).scheme not in ("", "file"):
            raise RegistryDown(f"version {found.version} lies at {found.location}, which is no folder")
        _copy(_local(found.location), folder)


def _checked(version: str) -> str:
    """Check that a version is digits: it becomes the name of a folder."""
    if _VERSION.fullmatch(version) is None:
        raise RegistryDown("the registry names a version that is no number")
    return version


def _copy(source: Path, folder: Path) -> None:
    try:
        for name in (MANIFEST, *FILES):
            shutil.copyfile(source / name, folder / name)
    except OSError as error:
        raise RegistryDown(f"the version's files can't be read: {_short(error)}") from None


def _local(address: str) -> Path:
    return Path(unquote(urlsplit(address).path)) if address.startswith("file:") else Path(address)


def _text(told: dict[str, Any], *path: str) -> str:
    value: Any = told
    for step in path:
        value = value.get(step) if isinstance(value, dict) else None
    if not isinstance(value, str) or not value:
        raise RegistryDown(f"the registry's answer has no {'.'.join(path)}")
    return value


def _reason(error: urllib.error.HTTPError) -> str:
    """Give the registry's own words, printable ones only."""
    try:
        words = str(json.loads(error.read(4096)).get("message", ""))
    except (OSError, HTTPException, ValueError, AttributeError, RecursionError):
        words = str(error.reason)
    return "".join(char if char.isprintable() else " " for char in words)[:200]


def _short(error: BaseException) -> str:
    reason = getattr(error, "reason", None)
    words = str(reason or getattr(error, "strerror", None) or error)
    return "".join(char if char.isprintable() else " " for char in words)[:200]
