"""A prepared model: a bundle, the prices of its arms, and what a policy is laid on."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from serving.decision.bundle.manifest import DataFingerprint
from serving.decision.errors import BadArms
from serving.decision.policy.policy import Policy
from serving.decision.types import Price
from serving.model.prepared_model import prepare_model
from tests.support import tiny_models as tiny
from training.export.bundle_writer import BundleLineage, export_bundle


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The smallest real bundle: two arms, a handful of small trees."""
    arms = tuple(replace(arm, price=Price(1.25, 10.0)) for arm in tiny.ARMS[:2])
    out = tmp_path_factory.mktemp("bundle") / "tiny"
    lineage = BundleLineage(DataFingerprint("d", 1, 1), learner={"hidden_share": {"reasoning": 0.75}})
    return export_bundle(tiny.model(2), tiny.encoder(), arms, out, lineage).path


def test_what_is_served_knows_the_hidden_share_of_its_bundle(bundle: Path) -> None:
    assert prepare_model(bundle, None).live(Policy()).hidden_share == {"reasoning": 0.75}


def test_new_prices_must_be_for_the_bundles_arms(bundle: Path, tmp_path: Path) -> None:
    other = tmp_path / "arms.toml"
    prices = "price_usd_per_mtok = { input = 2.0, output = 20.0 }"
    arm = (
        '[[arm]]\nname = "{}"\nmodel = "gpt-5.1"\neffort = "{}"\n' + prices.replace("{", "{{").replace("}", "}}") + "\n"
    )
    other.write_text(arm.format("direct", "none") + arm.format("reasoning", "high"))
    ground = prepare_model(bundle, other)
    assert [arm.price for arm in ground.arms] == [Price(2.0, 20.0)] * 2
    other.write_text(arm.format("direct", "none") + arm.format("reasoning", "low"))
    with pytest.raises(BadArms, match="no arm 'reasoning'"):
        prepare_model(bundle, other)
    other.write_text(arm.format("direct", "none") + arm.format("reasoning", "high") + arm.format("deep", "max"))
    with pytest.raises(BadArms, match="deep"):
        prepare_model(bundle, other)


SAME = """
[[arm]]
name = "direct"
model = "house-model"
price_usd_per_mtok = { input = 1, output = 2 }
[[arm]]
name = "reasoning"
model = "house-model"
effort = "high"
price_usd_per_mtok = { input = 1, output = 2 }
"""


def test_arms_that_send_the_same_are_refused_unless_they_are_meant(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "arms.toml"
    file.write_text(SAME)
    with pytest.raises(BadArms, match=r"(?s)'direct' and 'reasoning' send the same.*house-model.*--allow-same"):
        prepare_model(None, file)
    ground = prepare_model(None, file, allow_same=True)
    assert "house-model" in caplog.text
    notes = ground.live(Policy()).facts["arm_notes"]
    assert isinstance(notes, list)
    assert any("send the same" in note for note in notes)


def test_a_switch_of_ones_own_tells_them_apart(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    file = tmp_path / "arms.toml"
    switch = '[arm.reasoning]\noff = { "knobs.think" = false }\non = { "knobs.think" = true }\n'
    file.write_text(SAME.replace('[[arm]]\nname = "reasoning', switch + '[[arm]]\nname = "reasoning') + switch)
    ground = prepare_model(None, file)
    assert ground.arm_notes == ()
    assert not caplog.text
    assert "arm_notes" not in ground.live(Policy()).facts
