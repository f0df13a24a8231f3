"""Addresses of models in a registry: an alias or one version, and nothing else."""

from __future__ import annotations

import pytest

from serving.model.uri import BadModelUri, ModelUri, parse_model_uri


@pytest.mark.parametrize(
    ("text", "uri"),
    [
        ("models:/thinkgate@champion", ModelUri("thinkgate", "champion", None)),
        ("models:/my model.v2-x@a.b-c", ModelUri("my model.v2-x", "a.b-c", None)),
        ("models:/thinkgate/12", ModelUri("thinkgate", None, "12")),
    ],
)
def test_an_alias_or_a_version(text: str, uri: ModelUri) -> None:
    assert parse_model_uri(text) == uri


@pytest.mark.parametrize(
    "text",
    [
        "",
        "models:/",
        "models:/thinkgate",
        "models:/thinkgate/latest",
        "models:/a/b/1",
        "models:/../x@y",
        "runs:/1/model",
    ],
)
def test_anything_else_names_the_cure(text: str) -> None:
    with pytest.raises(BadModelUri, match="write models:/NAME@ALIAS or models:/NAME/VERSION"):
        parse_model_uri(text)
