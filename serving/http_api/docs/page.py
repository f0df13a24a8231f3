"""Renders the OpenAPI document as one self-contained HTML page: no script, font or style from another host."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from html import escape
from typing import Any, Final

from serving.schemas import KINDS

_STYLE: Final = """
:root{color-scheme:light dark;--line:#8885;--soft:#8881;--mark:#2563eb}
body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}
h1{margin-bottom:0}h2{margin-top:2.5rem;border-bottom:1px solid var(--line)}h3 code{font-size:1.05em}
code,pre,textarea{font:14px/1.45 ui-monospace,monospace}
pre,textarea{background:var(--soft);border:1px solid var(--line);border-radius:6px;padding:.7rem;overflow:auto}
textarea{width:100%;box-sizing:border-box;color:inherit}
table{border-collapse:collapse;width:100%}td,th{border:1px solid var(--line);padding:.3rem .6rem;text-align:left;
vertical-align:top}.verb{background:var(--mark);color:#fff;border-radius:4px;padding:.1rem .5rem;margin-right:.5rem}
button{font:inherit;padding:.3rem 1rem;margin:.4rem 0;cursor:pointer}nav a{margin-right:1rem}
""".strip()

_SCRIPT: Final = """
for (const form of document.querySelectorAll("form")) {
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const out = form.querySelector("pre"), area = form.querySelector("textarea");
    const init = { method: form.dataset.method };
    if (area) Object.assign(init, { body: area.value, headers: { "content-type": "application/json" } });
    const key = document.getElementById("key").value;
    if (key) init.headers = { ...init.headers, "x-api-key": key };
    out.hidden = false;
    try {
      const answer = await fetch(form.dataset.path, init);
      const text = await answer.text();
      let shown = text;
      try { shown = JSON.stringify(JSON.parse(text), null, 2); } catch {}
      out.textContent = answer.status + " " + answer.statusText + "\\n" + shown;
    } catch (error) { out.textContent = String(error); }
  });
}
""".strip()


@dataclass(frozen=True, slots=True)
class Page:
    """An HTML page and the content security policy that allows exactly its own style and script."""

    html: str
    policy: str


def render(document: Mapping[str, Any]) -> Page:
    """Render an OpenAPI document.

    Parameters
    ----------
    document
        As `/openapi.json` gives it.

    Returns
    -------
    Page
        Readable without scripts; with scripts, each example has a button that sends it.
    """
    schemas: Mapping[str, Any] = document.get("components", {}).get("schemas", {})
    info = document["info"]
    intro = "".join(f"<p>{_text(part)}</p>" for part in info.get("description", "").split("\n\n"))
    body = "\n".join(
        [
            f"<h1>{_text(info['title'])}</h1><p>version {_text(info['version'])}"
            ' · <a href="/openapi.json">openapi.json</a></p>',
            intro,
            '<p><label>API key, where the server wants one: <input id="key" type="password" autocomplete="off"></label>'
            " It stays in this page.</p>",
            "<nav>" + "".join(_links(document)) + '<a href="#models">Models</a><a href="#problems">Problems</a></nav>',
            *(
                _operation(path, verb, operation)
                for path, verbs in document["paths"].items()
                for verb, operation in verbs.items()
            ),
            '<h2 id="models">Models</h2>',
            *(_model(name, schema) for name, schema in sorted(schemas.items())),
            '<h2 id="problems">Problems</h2>' + _problems(),
        ]
    )
    html = (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{_text(info['title'])} API</title><style>{_STYLE}</style></head>"
        f"<body>{body}<script>{_SCRIPT}</script></body></html>"
    )
    policy = (
        f"default-src 'none'; style-src '{_digest(_STYLE)}'; script-src '{_digest(_SCRIPT)}'; connect-src 'self';"
        " base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    return Page(html, policy)


def _links(document: Mapping[str, Any]) -> Iterator[str]:
    for path, verbs in document["paths"].items():
        for verb in verbs:
            yield f'<a href="#{_anchor(path, verb)}">{_text(path)}</a>'


def _operation(path: str, verb: str, operation: Mapping[str, Any]) -> str:
    parts = [
        f'<h2 id="{_anchor(path, verb)}"><span class="verb">{verb.upper()}</span><code>{_text(path)}</code></h2>',
        f"<p><strong>{_text(operation.get('summary', ''))}</strong></p>",
        f"<p>{_text(operation.get('description', ''))}</p>",
    ]
    media = operation.get("requestBody", {}).get("content", {}).get("application/json")
    if media is None:
        parts.append(_form(path, verb, "", None))
    else:
        parts.append(f"<p>Body: {_kind(media['schema'])}</p>")
        examples = media.get("examples", {}).values()
        parts.extend(_form(path, verb, example["summary"], example["value"]) for example in examples)
    rows = "".join(
        f"<tr><td>{status}</td><td>{_text(answer['description'])}</td><td>{_media(answer)}</td></tr>"
        for status, answer in operation["responses"].items()
    )
    parts.append(f"<table><tr><th>Status</th><th>Meaning</th><th>Body</th></tr>{rows}</table>")
    return "\n".join(parts)


def _form(path: str, verb: str, summary: str, value: object) -> str:
    area = ""
    if value is not None:
        body = _text(json.dumps(value, indent=2, ensure_ascii=False))
        rows = min(body.count("\n") + 1, 20)
        area = f'<textarea spellcheck="false" aria-label="body" rows="{rows}">{body}</textarea>'
    return (
        f'<form data-path="{escape(path)}" data-method="{verb.upper()}"><p>{_text(summary)}</p>{area}'
        "<button>Send</button><pre hidden></pre></form>"
    )


def _media(answer: Mapping[str, Any]) -> str:
    return "<br>".join(
        f"<code>{_text(media_type)}</code> {_kind(media.get('schema', {}))}"
        for media_type, media in answer.get("content", {}).items()
    )


def _model(name: str, schema: Mapping[str, Any]) -> str:
    required = schema.get("required", ())
    rows = "".join(
        f"<tr><td><code>{_text(field)}</code>{' *' if field in required else ''}</td><td>{_kind(kind)}</td>"
        f"<td>{_text(kind.get('description', ''))}</td></tr>"
        for field, kind in schema.get("properties", {}).items()
    )
    return (
        f'<h3 id="model-{_text(name)}"><code>{_text(name)}</code></h3><p>{_text(schema.get("description", ""))}</p>'
        f"<table><tr><th>Field (* required)</th><th>Type</th><th>Meaning</th></tr>{rows}</table>"
    )


def _kind(schema: Mapping[str, Any]) -> str:
    """Describe a schema's type in a few words."""
    if "$ref" in schema:
        name = _text(schema["$ref"].rpartition("/")[2])
        return f'<a href="#model-{name}">{name}</a>'
    if "anyOf" in schema:
        return " or ".join(_kind(choice) for choice in schema["anyOf"])
    if "enum" in schema:
        return ", ".join(f"<code>{_text(str(choice))}</code>" for choice in schema["enum"])
    if schema.get("type") == "array":
        return f"list of {_kind(schema.get('items', {}))}"
    return _text(str(schema.get("type", "any")))


def _problems() -> str:
    rows = "".join(
        f"<tr><td>{kind.status}</td><td><code>{_text(kind.uri)}</code></td><td>{_text(kind.title)}</td></tr>"
        for kind in KINDS
    )
    return f"<table><tr><th>Status</th><th>Type</th><th>Title</th></tr>{rows}</table>"


def _anchor(path: str, verb: str) -> str:
    return escape(verb + path.replace("/", "-"))


def _text(text: str) -> str:
    """Escape a text for HTML, and mark what stands between backticks as code."""
    pieces = escape(text).split("`")
    return "".join(f"<code>{piece}</code>" if place % 2 else piece for place, piece in enumerate(pieces))


def _digest(content: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
