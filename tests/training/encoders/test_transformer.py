"""A sentence-transformers model of any kind goes the whole way: ONNX, training, bundle, a decision over HTTP."""

from __future__ import annotations

import json
from pathlib import Path

import httpx
import numpy as np
import pytest
import torch
from transformers import BertConfig, BertModel

from serving.decision.engine import Engine
from serving.decision.features.model_inputs import encode_batch
from serving.decision.features.tokenizer import Tokenizer
from serving.decision.policy.arms import load_arms
from tests.support import tiny_models as tiny
from tests.support.servers import ARMS, start_server, stop_server
from training.encoders.design_matrix import design_rows
from training.encoders.transformer import build_transformer
from training.models.boosting import TreeSettings
from training.models.fit import FitSettings
from training.pipeline.train import Trained, TrainSettings, train
from training.synthetic import World

SMALL = FitSettings(trees=TreeSettings(rounds=6, leaves=5, bags=1, feature_fraction=0.8), folds=2, threads=1)
TEXT = "Prove why the sum of three steps is 17"


@pytest.fixture(scope="module")
def teacher(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write a sentence-transformers folder: a BERT of one layer with weights made by seed."""
    folder = tmp_path_factory.mktemp("teacher") / "tiny-sentences"
    torch.manual_seed(0)
    words = len(json.loads(tiny.tokenizer_json())["model"]["vocab"])
    config = BertConfig(
        vocab_size=words,
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=32,
        max_position_embeddings=300,
    )
    BertModel(config).save_pretrained(folder)
    (folder / "tokenizer.json").write_text(tiny.tokenizer_json(), encoding="utf-8")
    pooling = folder / "1_Pooling"
    pooling.mkdir()
    (pooling / "config.json").write_text('{"word_embedding_dimension": 16, "pooling_mode_mean_tokens": true}')
    return folder


@pytest.fixture(scope="module")
def trained(teacher: Path, tmp_path_factory: pytest.TempPathFactory) -> Trained:
    folder = tmp_path_factory.mktemp("transformer")
    world = World(seed=4)
    world.records(world.sample(120)).to_parquet(folder / "history.parquet")
    settings = TrainSettings(encoder=f"transformer:{teacher}", cache=folder / "cache", resamples=20, fit=SMALL)
    return train([str(folder / "history.parquet")], folder / "bundle", settings)


def test_the_graph_gives_what_torch_gives(teacher: Path, tmp_path: Path) -> None:
    encoder = build_transformer(str(teacher), tmp_path)
    model = BertModel.from_pretrained(teacher).eval()
    tokenizer = Tokenizer.from_json(encoder.tokenizer_json)
    ids = encode_batch((tiny.request(TEXT),), tokenizer, encoder.limits).token_ids
    with torch.inference_mode():
        hidden = model(torch.from_numpy(ids.copy())).last_hidden_state[0].mean(dim=0).numpy()
    row = design_rows(encoder, (tiny.request(TEXT),))[0]
    assert np.allclose(row[:16], hidden / np.linalg.norm(hidden), atol=1e-5)
    assert not row[16:32].any()


def test_trains_a_proven_bundle(trained: Trained) -> None:
    spec = trained.exported.bundle.manifest.encoder
    assert (spec.kind, spec.name) == ("transformer", "transformer:tiny-sentences")
    assert spec.limits.special_tokens
    assert trained.exported.compared > 100


def test_a_server_decides_with_it(trained: Trained) -> None:
    server = start_server("--bundle", str(trained.exported.path), "--arms", str(ARMS))
    try:
        answer = httpx.post(f"{server.url}/v1/decisions", json={"prompt": TEXT}, timeout=30).json()
    finally:
        stop_server(server)
    wanted = Engine(trained.exported.bundle, arms=load_arms(ARMS)).decide(tiny.request(TEXT))
    assert answer["bundle_id"] == trained.exported.bundle.bundle_id
    assert answer["arm"] == wanted.arm
    assert answer["estimates"]["reasoning"]["success"] == pytest.approx(wanted.estimates["reasoning"].success, abs=1e-6)
