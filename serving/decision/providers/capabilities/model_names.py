"""Model names: one key for all spellings of a model, and the shorter keys to try where a name is not found as written.

Seven steps, each cutting more off; the first key that is found counts. `4.5` and `4-5` are one model, and so are names
with a path, a region, a vendor, a version tag, a date, a tier or an effort around them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator


def model_key(name: str) -> str:
    """Give the key of a name as written: lower case, dashes for all else, none between a letter and a digit.

    Examples
    --------
    >>> model_key("Claude-Opus-4.5"), model_key("qwen-3-32b")
    ('claude-opus4-5', 'qwen3-32b')
    """
    dashed = re.sub(r"[^a-z0-9*]+", "-", name.lower()).strip("-")
    return re.sub(r"(?<=[a-z])-(?=\d)", "", dashed)


def row_key(name: str) -> str:
    """Give the key under which a row is kept: without path, region, vendor, version tag and full date.

    Examples
    --------
    >>> row_key("us.anthropic.claude-opus-4-5-20251101-v1:0"), row_key("accounts/fireworks/models/glm-4p6")
    ('claude-opus4-5', 'glm4-6')
    """
    return _spelled(model_key(_FULL_DATE.sub("", _untagged(_bare(name)))))


def name_keys(name: str) -> tuple[str, ...]:
    """List the keys to try for a name, the nearest to what is written first.

    Examples
    --------
    >>> name_keys("bedrock/us.anthropic.claude-4.5-sonnet@20250929")[-1]
    'claude-sonnet4-5'
    >>> name_keys("gpt-5.1-high")
    ('gpt5-1-high', 'gpt5-1')
    """
    return tuple(dict.fromkeys(key for key in _steps(name) if key))


def _steps(name: str) -> Iterator[str]:
    bare = _bare(name)
    yield model_key(bare.rpartition("/")[2] if bare == name else bare)
    untagged = _untagged(bare)
    yield _spelled(model_key(untagged))
    key = row_key(name)
    yield key
    if key.startswith(_SHORT_DATED):
        key = _SHORT_DATE.sub("", key)
        yield key
    while (shorter := _TIER.sub("", _SPLIT_DATE.sub("", key))) != key:
        key = shorter
        yield key
    yield _spelled(key)
    shorter = key if key.startswith(_SIZED) else _EFFORT.sub("", key)
    if shorter == key and key.startswith(("claude", "gemini")):
        shorter = re.sub("-think(?:ing)?$", "", key)
    yield shorter


def _bare(name: str) -> str:
    """Cut path, region and vendor off: `us.anthropic.` and everything up to the last slash."""
    bare = name.strip().rstrip("/").rpartition("/")[2].removeprefix("~")
    while (shorter := _VENDOR_DOT.sub("", bare)) != bare:
        bare = shorter
    return bare


def _untagged(bare: str) -> str:
    bare = _VERSION_TAG.sub("", bare.partition("@")[0])
    if not bare.startswith("ft:"):
        bare = _COLON_TAG.sub("", bare)
    return re.sub(r"(?<=\d)p(?=\d)", ".", bare)


def _spelled(key: str) -> str:
    """Put a name into its maker's order, and drop a vendor that stands before the family."""
    key = _SHORT_KIMI.sub("kimi-", _VENDOR_DASH.sub("", key))
    key = key.replace("deepseek3", "deepseek-v3", 1)
    swapped = _CLAUDE_NUMBER_FIRST.fullmatch(key)
    if swapped is not None:
        key = f"claude-{swapped['size']}{swapped['number']}{swapped['rest']}"
    old = _CLAUDE_3_SIZE_FIRST.fullmatch(key)
    return f"claude{old['number']}-{old['size']}{old['rest']}" if old is not None else key


_VENDOR_DOT = re.compile(r"^(?:us-gov|[a-z]+)\.(?=[a-z])", re.IGNORECASE)
_VERSION_TAG = re.compile(r"-v\d+(?::\d+\w*)?$|:\d+$(?<=-v1:\d)|-1:0$")
_COLON_TAG = re.compile(r":(?:free|batch|nitro|floor|exacto|extended|beta|online|latest|cloud|default)$", re.IGNORECASE)
_FULL_DATE = re.compile(r"[-_@.](?:20\d{6}|20\d\d-\d\d-\d\d)(?=$|[-_])")
_SHORT_DATED = tuple("mistral magistral ministral devstral codestral grok gpt doubao seed o1 gemini".split())
_SHORT_DATE = re.compile(r"(?:-|(?<=[a-z]))(?:\d{6}|\d{4})$")
_SPLIT_DATE = re.compile(r"(?:-|(?<=[a-z]))(?:\d\d-20\d\d|(?<=preview)\d\d-\d\d|(?<=exp)\d\d-\d\d)$")
_TIER = re.compile(
    r"-(?:preview|exp|experimental|latest|fp8|fp4|nvfp4|awq|gptq|int4|int8|gguf|bf16|mlx|4bit|8bit|tee|it|maas|original"
    r"|priority|flex|free|lightning|default)$|(?<=[\db])-fast$"
)
_SIZED = ("qwen", "mistral", "magistral")  # whose own names end in max or medium
_EFFORT = re.compile(r"(?<!codex)-(?:minimal|low|medium|high|xhigh|max|none)$")
_FAMILY = (
    r"claude|gpt|gemini|gemma|glm|kimi|grok|deepseek|minimax|qwen|mistral|magistral|nova|nemotron|mimo|seed|doubao"
    r"|o[134](?:-|$)"
)
_VENDOR_DASH = re.compile(
    r"^(?:databricks|azure|bedrock|zai-org|zai|z-ai|openai|anthropic|google|moonshotai|moonshot|deepseek-ai|x-ai|xai|"
    rf"minimaxai|mistralai|qwen|tee|fw|nvidia|amazon|cursor|hf|xiaomi|coding|deep|umans|bytedance|cerebras|alibaba|alicloud|doubao|xpersona|x)-(?=(?:{_FAMILY}))"
)
_SHORT_KIMI = re.compile(r"^(?=k[2-9](?:-|$))")
_CLAUDE_NUMBER_FIRST = re.compile(
    r"claude(?P<number>[4-9](?:-\d)?)-(?P<size>opus|sonnet|haiku|fable)(?P<rest>(?:-.*)?)"
)
_CLAUDE_3_SIZE_FIRST = re.compile(r"claude-(?P<size>opus|sonnet|haiku)(?P<number>3(?:-\d)?)(?P<rest>(?:-.*)?)")
