"""Transformer encoder, the slower tier: a whole sentence encoder exported to ONNX and run while training."""

from __future__ import annotations

import contextlib
import hashlib
import inspect
import io
import json
import tempfile
import warnings
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import onnxruntime

from serving.decision import FloatArray, ModelInput
from serving.decision.features import EncoderLimits
from training.atomic_files import write_atomically
from training.encoders.teacher import Teacher, find_teacher, quiet_transformers
from training.progress import Progress, silent

if TYPE_CHECKING:
    import torch

OPSET = 17
OFFSET_POSITIONS = ("roberta", "xlm-roberta", "camembert", "mpnet")


@dataclass(frozen=True, slots=True)
class TransformerEncoder:
    """A whole sentence encoder in ONNX: the slower tier.

    Parameters
    ----------
    onnx
        Graph `token_ids` int64 (n, L), `mask` float32 (n, L) -> `embedding` float32 (n, D); a row whose mask is all
        zero gives zeros.
    dims
        D.
    """

    name: str
    tokenizer_json: str
    onnx: bytes
    dims: int
    limits: EncoderLimits
    digest: str

    def embed(self, inputs: ModelInput) -> FloatArray:
        """Run the transformer over both parts of the requests.

        Returns
        -------
        float32 (n, 2 D): last user turn, rest.
        """
        session = open_encoder_session(self)
        masks = (inputs.token_weights > 0).astype(np.float32)
        parts = [
            session.run(None, {"token_ids": inputs.token_ids, "mask": np.ascontiguousarray(masks[:, part])})[0]
            for part in (0, 1)
        ]
        return np.concatenate([np.asarray(part, dtype=np.float32) for part in parts], axis=1)


def build_transformer(
    teacher: str | None,
    cache_dir: Path,
    *,
    limits: EncoderLimits | None = None,
    expected_sha256: str | None = None,
    progress: Progress = silent,
) -> TransformerEncoder:
    """Export a sentence-transformers model (mean or first-token pooling, unit length) to ONNX, once.

    Parameters
    ----------
    teacher
        See `training.encoders.teacher.find_teacher`; None is the built-in MiniLM.
    cache_dir
        The graph is kept here under the hash of the weights.
    limits
        Default: 1,500 characters and 256 tokens with the model's special tokens, which bounds the latency.

    Raises
    ------
    TeacherMissing, TeacherRefused
        See `find_teacher`.
    """
    limits = limits or EncoderLimits(max_chars=1500, max_tokens=256, special_tokens=True)
    source = find_teacher(teacher, expected_sha256)
    path = cache_dir / f"transformer-{source.sha256[:24]}-{OPSET}.onnx"
    if not path.is_file():
        progress(f"export {source.name}", 0, 1)
        write_atomically(path, _to_onnx(source))
        progress(f"export {source.name}", 1, 1)
    graph, spec = path.read_bytes(), json.loads((source.folder / "tokenizer.json").read_text(encoding="utf-8"))
    spec["truncation"] = spec["padding"] = None
    text = json.dumps(spec, ensure_ascii=False)
    config = json.loads((source.folder / "config.json").read_text(encoding="utf-8"))
    digest = hashlib.sha256(graph + text.encode("utf-8") + repr(limits).encode("utf-8")).hexdigest()
    return TransformerEncoder(f"transformer:{source.name}", text, graph, int(config["hidden_size"]), limits, digest)


def open_encoder_session(encoder: TransformerEncoder) -> onnxruntime.InferenceSession:
    """Open the encoder's graph; the last one stays open."""
    return _session(encoder.onnx)


@lru_cache(maxsize=1)
def _session(graph: bytes) -> onnxruntime.InferenceSession:
    return onnxruntime.InferenceSession(graph, providers=["CPUExecutionProvider"])


def _to_onnx(source: Teacher) -> bytes:
    import torch

    with quiet_transformers():
        from transformers import AutoModel

        model = AutoModel.from_pretrained(str(source.folder), use_safetensors=True, attn_implementation="eager").eval()
    pooled = _pooled(model, first_token=_first_token(source))
    ids = torch.ones((2, 6), dtype=torch.int64)
    mask = torch.tensor([[1.0] * 6, [1.0] * 4 + [0.0] * 2])
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")  # the tracer warns about every shape it fixes; the check below is ours
        torch.onnx.export(
            pooled,
            (ids, mask),
            Path(folder, "encoder.onnx"),
            input_names=["token_ids", "mask"],
            output_names=["embedding"],
            dynamic_axes={"token_ids": {0: "n", 1: "L"}, "mask": {0: "n", 1: "L"}, "embedding": {0: "n"}},
            opset_version=OPSET,
            dynamo=False,
        )
        graph = Path(folder, "encoder.onnx").read_bytes()
    _check(pooled, graph)
    return graph


def _pooled(model: Any, *, first_token: bool) -> torch.nn.Module:
    import torch

    takes_positions = "position_ids" in inspect.signature(model.forward).parameters
    # RoBERTa and its kin count positions from the padding id on
    start = model.config.pad_token_id + 1 if model.config.model_type in OFFSET_POSITIONS else 0

    class Pooled(torch.nn.Module):
        """Pooled last hidden states, unit length; positions count from the first unmasked place."""

        def __init__(self) -> None:
            super().__init__()
            self.model = model

        def forward(self, token_ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
            attention = mask.to(torch.int64)
            count = torch.cumsum(attention, dim=1)
            positions = {"position_ids": torch.clamp(count - 1, min=0) + start} if takes_positions else {}
            hidden = self.model(input_ids=token_ids, attention_mask=attention, **positions).last_hidden_state
            weights = mask * (count == 1).to(mask.dtype) if first_token else mask
            total = (hidden * weights.unsqueeze(-1)).sum(dim=1)
            length = torch.sqrt((total * total).sum(dim=1, keepdim=True))
            unit: torch.Tensor = total / torch.clamp(length, min=1e-9)
            return unit

    return Pooled().eval()


def _first_token(source: Teacher) -> bool:
    """Tell whether the teacher pools by its first token; the mean is the rule."""
    path = source.folder / "1_Pooling" / "config.json"
    return path.is_file() and bool(json.loads(path.read_text(encoding="utf-8")).get("pooling_mode_cls_token"))


def _check(pooled: torch.nn.Module, graph: bytes) -> None:
    """Compare the graph with the model on another shape than it was traced with."""
    import torch

    rng = np.random.default_rng(0)
    ids = rng.integers(1, 50, size=(3, 11), dtype=np.int64)
    mask = np.ones((3, 11), dtype=np.float32)
    mask[1, 5:], mask[2, :] = 0.0, 0.0
    with torch.inference_mode():
        wanted = pooled(torch.from_numpy(ids), torch.from_numpy(mask)).numpy()
    session = onnxruntime.InferenceSession(graph, providers=["CPUExecutionProvider"])
    got = session.run(None, {"token_ids": ids, "mask": mask})[0]
    if not np.allclose(wanted, got, atol=1e-4):
        raise RuntimeError("the exported encoder does not give the model's own embeddings: report this teacher")
