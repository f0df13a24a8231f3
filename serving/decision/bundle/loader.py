"""Loads a bundle (parse, verify, construct, check golden vectors) and predicts with its ONNX graph."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate
from pathlib import Path
from typing import Final

import numpy as np
import onnxruntime

from serving.decision.bundle import golden
from serving.decision.bundle.manifest import FILES, GOLDEN, MANIFEST, MODEL, TOKENIZER, Manifest
from serving.decision.conversation import split_last_turn
from serving.decision.errors import BundleCorrupt, BundleMissing, BundleRefused
from serving.decision.features import FEATURE_NAMES, Tokenizer, encode_batch, identify_language
from serving.decision.harness import user_words
from serving.decision.types import Arm, FloatArray, ModelInput, Prediction, Request

PACKED: Final = "prediction"
"""Name of the graph's output: all columns in `OutputColumns` order, for one array is cheaper to fetch than ten."""

_INPUTS: Final = {"token_ids": "tensor(int64)", "token_weights": "tensor(float)", "features": "tensor(float)"}
UNKNOWN_LANGUAGE: Final = 0.25
"""Factor of support in a language that no training prompt is written in: most words are unknown to the token tables."""

_BATCH_TOKENS: Final = 16_384
"""Tokens of one run, padding included: bounds the memory of a batch."""


@dataclass(frozen=True, slots=True)
class OutputColumns:
    """Layout of the packed output row, for K arms and T tasks."""

    arms: int
    tasks: int

    @property
    def widths(self) -> dict[str, int]:
        """Width by name of every output, in packed order."""
        k = self.arms
        widths = {"success": k, "uplift": k - 1, "uplift_lower": k - 1, "uplift_upper": k - 1}
        widths |= {"output_tokens_mean": k, "latency_mean_ms": k, "output_tokens_p95": k, "latency_p95_ms": k}
        return widths | {"support": 1} | ({"task_probabilities": self.tasks} if self.tasks else {})

    @property
    def width(self) -> int:
        """Number of columns of a packed row."""
        return sum(self.widths.values())

    def split(self, rows: FloatArray) -> dict[str, FloatArray]:
        """Split packed rows, float32 (n, width), into the outputs by name, each (n, its width)."""
        ends = list(accumulate(self.widths.values()))
        return dict(zip(self.widths, np.split(rows, ends[:-1], axis=1), strict=True))


class Bundle:
    """A loaded model; immutable, and safe to share between threads.

    Use `load_bundle`, which checks that the parts belong together.

    Parameters
    ----------
    manifest
        Parsed `manifest.json`.
    tokenizer
        From `tokenizer.json`.
    session
        Of `model.onnx`.
    """

    __slots__ = ("_languages", "_limits", "_offsets", "_session", "arms", "bundle_id", "manifest", "tasks", "tokenizer")

    def __init__(self, manifest: Manifest, tokenizer: Tokenizer, session: onnxruntime.InferenceSession) -> None:
        self.manifest, self.tokenizer, self._session = manifest, tokenizer, session
        self.arms: tuple[Arm, ...] = manifest.arms
        self.bundle_id: str = manifest.bundle_id
        self.tasks: tuple[str, ...] = manifest.tasks
        self._limits = replace(manifest.encoder.limits, user_words=False)  # `_read` has found them
        self._languages = None if manifest.languages is None else frozenset(manifest.languages)
        ends = [0]
        for width in OutputColumns(len(manifest.arms), len(manifest.tasks)).widths.values():
            ends.append(ends[-1] + width)
        self._offsets = tuple(ends)

    def predict_request(self, request: Request) -> Prediction:
        """Predict one request: the fast path."""
        words = self._read(request)
        row = self._run(encode_batch((words,), self.tokenizer, self._limits))[0]
        return self._in_known_language(words, self._unpack(row))

    def predict_requests(self, requests: Sequence[Request]) -> tuple[Prediction, ...]:
        """Predict any number of requests, in their order."""
        words = [self._read(request) for request in requests]
        rows = self.predict(encode_batch(words, self.tokenizer, self._limits))
        return tuple(map(self._in_known_language, words, rows))

    def predict(self, inputs: ModelInput) -> tuple[Prediction, ...]:
        """Predict a batch of n encoded requests; memory beyond inputs and result does not grow with n.

        Support is the graph's: it does not know the language.
        """
        return tuple(self._unpack(row) for part in _batches(inputs) for row in self._run(part))

    def _read(self, request: Request) -> Request:
        return user_words(request) if self.manifest.encoder.limits.user_words else request

    def _in_known_language(self, request: Request, prediction: Prediction) -> Prediction:
        """Lower the support of a request in a language that no training prompt is written in."""
        if self._languages is None:
            return prediction
        language = identify_language(split_last_turn(request).last)
        if language is None or language in self._languages:
            return prediction
        return replace(prediction, support=UNKNOWN_LANGUAGE * prediction.support)

    def _run(self, inputs: ModelInput) -> list[list[float]]:
        """Run the graph; n packed rows."""
        feeds = {
            "token_ids": inputs.token_ids,
            "token_weights": inputs.token_weights,
            "features": inputs.features,
        }
        rows: list[list[float]] = self._session.run((PACKED,), feeds)[0].tolist()
        return rows

    def _unpack(self, row: list[float]) -> Prediction:
        # Slices of one list: three times faster than ten arrays.
        a, b, c, d, e, f, g, h, i = self._offsets[1:10]
        return Prediction(
            success=tuple(row[:a]),
            uplift=tuple(row[a:b]),
            uplift_lower=tuple(row[b:c]),
            uplift_upper=tuple(row[c:d]),
            output_tokens_mean=tuple(row[d:e]),
            latency_mean_ms=tuple(row[e:f]),
            output_tokens_p95=tuple(row[f:g]),
            latency_p95_ms=tuple(row[g:h]),
            support=row[h],
            task_probabilities=tuple(row[i:]),
        )


def load_bundle(path: Path) -> Bundle:
    """Load a bundle folder; fails unless every file is as exported and the golden vectors are reproduced here.

    Parameters
    ----------
    path
        The folder.

    Raises
    ------
    BundleMissing
        The folder or one of its files is not there.
    BundleTooNew
        It was written for a newer server.
    BundleCorrupt
        A file is not the one that was exported.
    BundleUnproven
        A golden vector is not reproduced on this machine.
    BundleRefused
        It was trained with other features than this server computes.
    """
    manifest = Manifest.from_json(_text(_read(path, MANIFEST), MANIFEST))
    contents = _verify(path, manifest)
    bundle = _construct(manifest, contents, path / MODEL)
    _check_golden_vectors(bundle, contents[GOLDEN])
    return bundle


def _verify(path: Path, manifest: Manifest) -> Mapping[str, bytes]:
    """Read every file once and verify its hash and the features; the verified bytes are the ones used."""
    contents = {}
    for name in FILES:
        contents[name] = _read(path, name)
        if hashlib.sha256(contents[name]).hexdigest() != manifest.files[name]:
            raise BundleCorrupt(
                f"{name}: its hash is not the manifest's: copy the bundle again in full, or export it again"
            )
    computed, trained = set(FEATURE_NAMES), set(manifest.features)
    if manifest.features != FEATURE_NAMES:
        changed = ", ".join(sorted(computed ^ trained)[:6]) or "their order"
        raise BundleRefused(
            f"trained by thinkgate {manifest.thinkgate_version} with other features than this server computes"
            f" ({changed}): train it again with this version, or serve it with that one"
        )
    return contents


def _construct(manifest: Manifest, contents: Mapping[str, bytes], model: Path) -> Bundle:
    try:
        tokenizer = Tokenizer.from_json(_text(contents[TOKENIZER], TOKENIZER))
    except BundleRefused:
        raise
    except Exception as error:  # the Rust side raises bare Exception, among others
        raise BundleCorrupt(f"{TOKENIZER}: not a tokenizer ({type(error).__name__}): export the bundle again") from None
    try:
        session = open_session(contents[MODEL], model)
    except Exception as error:  # onnxruntime's errors share no base of their own
        raise BundleCorrupt(f"{MODEL}: not an ONNX graph ({type(error).__name__}): export the bundle again") from None
    inputs = {value.name: value.type for value in session.get_inputs()}
    outputs = {value.name: value.shape for value in session.get_outputs()}
    packed = OutputColumns(len(manifest.arms), len(manifest.tasks))
    widths = {value.name: value.shape[-1] for value in session.get_inputs()}
    if inputs != _INPUTS or widths["features"] != len(manifest.features):
        raise BundleCorrupt(f"{MODEL}: its inputs are not those of the protocol: export the bundle again")
    if outputs.get(PACKED, [None])[-1] != packed.width:
        raise BundleCorrupt(f"{MODEL}: its outputs do not fit the manifest's arms and tasks: export the bundle again")
    return Bundle(manifest, tokenizer, session)


def _check_golden_vectors(bundle: Bundle, content: bytes) -> None:
    vectors = golden.golden_from_json(_text(content, GOLDEN), GOLDEN)
    batch = bundle.predict_requests([vector.request for vector in vectors])
    for number, vector in enumerate(vectors):
        golden.check_golden(number, vector.prediction, bundle.predict_request(vector.request))
        golden.check_golden(number, vector.prediction, batch[number])


def open_session(graph: bytes, folder: Path) -> onnxruntime.InferenceSession:
    """Create an onnxruntime session for one row at a time on one core.

    Parameters
    ----------
    graph
        ONNX, self-contained.
    folder
        Must not exist as a folder: external weights are searched below it, and so never found.
    """
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
    options.log_severity_level = 4
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.add_session_config_entry("session.inter_op.allow_spinning", "0")
    options.add_session_config_entry("session.model_external_initializers_file_folder_path", str(folder))
    return onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])


def _batches(inputs: ModelInput) -> Iterator[ModelInput]:
    n, width = inputs.token_ids.shape
    step = max(_BATCH_TOKENS // max(width, 1), 1)
    for start in range(0, n, step):
        part = slice(start, start + step)
        yield ModelInput(inputs.token_ids[part], inputs.token_weights[part], inputs.features[part])


def _read(path: Path, name: str) -> bytes:
    try:
        return (path / name).read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        raise BundleMissing(f"{path / name} is not there: name a folder that `thinkgate train` wrote") from None
    except OSError as error:
        raise BundleRefused(f"{path / name} can't be read: {error.strerror}") from None


def _text(content: bytes, name: str) -> str:
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        raise BundleCorrupt(f"{name}: not UTF-8: copy the bundle again in full, or export it again") from None
