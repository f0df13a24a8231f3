"""Parses prompts and OpenAI-style messages into plain-text turns; errors name the field, never its content."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, get_args

from serving.decision.errors import BadRequest
from serving.decision.fast_dataclass import fast_dataclass
from serving.decision.types import Message, Request, Role

MAX_MESSAGES: Final = 2000
"""A longer conversation is refused: the model reads the newest turns only."""

_ROLES: Final[Mapping[str, Role]] = {role: role for role in get_args(Role)} | {"function": "tool"}
_TEXT_FIELD: Final[Mapping[str, str]] = {
    "text": "text",
    "input_text": "text",
    "output_text": "text",
    "refusal": "refusal",
    "thinking": "thinking",
}
"""Part types that carry text, and the field with the text. Any other type counts as an attachment."""


@fast_dataclass
class Turns:
    """A conversation split into its last user turn and the rest.

    Parameters
    ----------
    last
        Text of the last user turn; of the last message where there is no user turn.
    rest
        Text of every other turn, system included, oldest first, joined by newlines.
    """

    last: str
    rest: str


def from_prompt(text: object) -> tuple[Message, ...]:
    """Wrap a bare prompt as one user turn.

    Parameters
    ----------
    text
        The prompt.

    Raises
    ------
    BadRequest
        If `text` is not a string or is blank.

    Examples
    --------
    >>> from_prompt("What is 17 * 23?")
    (Message(role='user', text='What is 17 * 23?', images=0, tool_calls=0),)
    """
    if not isinstance(text, str):
        raise BadRequest(f"prompt must be a string, not {_kind(text)}")
    message = Message("user", clean(text))
    require_content((message,))
    return (message,)


def parse_messages(raw: object) -> tuple[Message, ...]:
    """Parse a conversation in OpenAI chat format.

    Parameters
    ----------
    raw
        A list of objects with `role` and `content` (a string, null, or a list of parts) and optionally `tool_calls`.
        Further fields are ignored. Parts without text (images, audio, files) are counted, not read.

    Returns
    -------
    tuple of Message
        Oldest first; lone surrogates are replaced by U+FFFD.

    Raises
    ------
    BadRequest
        For anything that is not such a list, that is longer than `MAX_MESSAGES`, or that has no content at all.

    Examples
    --------
    >>> parse_messages([{"role": "user", "content": [{"type": "text", "text": "Hi"}, {"type": "image_url"}]}])
    (Message(role='user', text='Hi', images=1, tool_calls=0),)
    """
    if not isinstance(raw, list | tuple):
        raise BadRequest(f"messages must be a list of objects with role and content, not {_kind(raw)}")
    if len(raw) > MAX_MESSAGES:
        raise BadRequest(f"{len(raw)} messages; send the newest {MAX_MESSAGES} at most")
    messages = tuple([_parse_message(item, index) for index, item in enumerate(raw)])
    require_content(messages)
    return messages


def split_last_turn(request: Request) -> Turns:
    """Split the last user turn from the rest.

    Examples
    --------
    >>> turns = (Message("system", "Be brief."), Message("user", "Hi"), Message("assistant", "Hello."))
    >>> split_last_turn(Request(turns))
    Turns(last='Hi', rest='Be brief.\\nHello.')
    """
    messages = request.messages
    if len(messages) == 1:
        return Turns(messages[0].text, "")
    if not messages:
        return Turns("", "")
    last = last_user_turn(messages)
    return Turns(
        messages[last].text,
        "\n".join([message.text for index, message in enumerate(messages) if index != last and message.text]),
    )


def last_user_turn(messages: tuple[Message, ...]) -> int:
    """Find the index of the last user turn; of the last message where there is none, -1 where there are no messages."""
    for index in range(len(messages) - 1, -1, -1):
        if messages[index].role == "user":
            return index
    return len(messages) - 1


def clean(text: str) -> str:
    """Make any string encodable: surrogate pairs are joined, lone surrogates become U+FFFD.

    Examples
    --------
    >>> clean("a\\ud800b") == "a\\ufffdb"
    True
    """
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text


def _parse_message(item: object, index: int) -> Message:
    if type(item) is dict:  # most turns hold a string and no call: nothing else of them is looked at
        content, known = item.get("content"), _ROLES.get(item["role"]) if type(item.get("role")) is str else None
        if known is not None and type(content) is str and "tool_calls" not in item and "function_call" not in item:
            return Message(known, clean(content), 0, 0)
    where = f"messages[{index}]"
    if not isinstance(item, Mapping):
        raise BadRequest(f"{where} must be an object with role and content, not {_kind(item)}")
    role = item.get("role")
    if not isinstance(role, str) or role not in _ROLES:
        raise BadRequest(f"{where}.role must be one of {', '.join(get_args(Role))}")
    text, attachments = _parse_content(item.get("content"), f"{where}.content")
    calls = item.get("tool_calls")
    if calls is not None and not isinstance(calls, list | tuple):
        raise BadRequest(f"{where}.tool_calls must be a list or null, not {_kind(calls)}")
    count = len(calls or ()) or int(item.get("function_call") is not None)
    return Message(_ROLES[role], text, attachments, count)


def _parse_content(content: object, where: str) -> tuple[str, int]:
    """Extract the text of one message's content and the number of its attachments."""
    if content is None:
        return "", 0
    if isinstance(content, str):
        return clean(content), 0
    if not isinstance(content, list | tuple):
        raise BadRequest(f"{where} must be a string, null or a list of parts, not {_kind(content)}")
    texts: list[str] = []
    attachments = 0
    for index, part in enumerate(content):
        text = _parse_part(part, f"{where}[{index}]")
        if text is None:
            attachments += 1
        else:
            texts.append(text)
    return "\n".join(texts), attachments


def _parse_part(part: object, where: str) -> str | None:
    """Extract a part's text, or None for an attachment."""
    if isinstance(part, str):
        return clean(part)
    if not isinstance(part, Mapping):
        raise BadRequest(f"{where} must be an object with a type, not {_kind(part)}")
    kind = part.get("type")
    if not isinstance(kind, str):
        raise BadRequest(f"{where}.type must be a string such as text or image_url")
    field = _TEXT_FIELD.get(kind)
    if field is None:
        return None
    text = part.get(field)
    if not isinstance(text, str):
        raise BadRequest(f"{where}.{field} must be a string, not {_kind(text)}")
    return clean(text)


def require_content(messages: tuple[Message, ...]) -> None:
    """Refuse an empty conversation.

    Raises
    ------
    BadRequest
        No turn has text, an attachment or a tool call.
    """
    for message in messages:
        if message.images or message.tool_calls or message.text.strip():
            return
    raise BadRequest("the conversation is empty: send at least one turn with text or an attachment")


def _kind(value: object) -> str:
    """Name the type of a value without showing it: prompts don't belong in error messages."""
    return "null" if value is None else type(value).__name__
