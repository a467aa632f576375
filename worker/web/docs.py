"""The documentation page: the OpenAPI document as plain HTML, readable without a connection to anybody else's server."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from html import escape
from typing import Any

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 56rem; margin: 2rem auto; padding: 0 1rem; color: #1b1b1b }
h2 { margin-top: 2.5rem; border-top: 1px solid #ccc; padding-top: 1rem } h2 code { font-size: 1.2rem }
code, pre { font: 14px/1.4 ui-monospace, monospace; background: #f4f4f4 } pre { padding: .8rem; overflow-x: auto }
table { border-collapse: collapse; width: 100% } td { padding: .3rem .8rem .3rem 0; vertical-align: top }
tr { border-bottom: 1px solid #eee } summary { cursor: pointer; margin: .5rem 0 }
"""
SAFE = {"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'"}


def docs_route(openapi: Callable[[], dict[str, Any]]) -> Route:
    """`/docs`, written from the document that `/openapi.json` gives to programs."""

    async def docs(request: Request) -> Response:
        del request
        return HTMLResponse(page(openapi()), headers=SAFE)

    return Route("/docs", docs)


def page(document: dict[str, Any]) -> str:
    """The whole page. Every text of the document is escaped."""
    title = escape(document["info"]["title"])
    parts = [_prose(document["info"]["description"]), '<p>For programs: <a href="openapi.json">openapi.json</a></p>']
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            parts += _operation(f"{method.upper()} {path}", operation)
    parts.append("<h2>Fields</h2>")
    for name, schema in document["components"]["schemas"].items():
        parts += _fields(name, schema)
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        f'<meta name="viewport" content="width=device-width"><style>{STYLE}</style></head>'
        f"<body><h1>{title}</h1>{''.join(parts)}</body></html>"
    )


def _operation(name: str, operation: dict[str, Any]) -> Iterator[str]:
    yield f"<h2><code>{escape(name)}</code></h2><p><b>{escape(operation['summary'])}</b></p>"
    yield _prose(operation.get("description", ""))
    for kind, content in operation.get("requestBody", {}).get("content", {}).items():
        yield f"<p>Body: <code>{escape(kind)}</code></p>"
        for example in content.get("examples", {}).values():
            yield _example(example["summary"], example["value"])
    yield "<table>"
    for code, response in operation["responses"].items():
        examples = (content.get("example") for content in response.get("content", {}).values())
        shown = "".join(_example("Example", example) for example in examples if example is not None)
        yield f"<tr><td><code>{escape(code)}</code></td><td>{_inline(response['description'])}{shown}</td></tr>"
    yield "</table>"


def _fields(name: str, schema: dict[str, Any]) -> Iterator[str]:
    if "properties" not in schema:
        return
    yield f"<h3>{escape(name)}</h3>{_prose(schema.get('description', ''))}<table>"
    for field, about in schema["properties"].items():
        needed = " (required)" if field in schema.get("required", ()) else ""
        told = f"{_type(about)}{needed}"
        yield f"<tr><td><code>{escape(field)}</code></td><td>{escape(told)}</td><td>{_inline(about.get('description', ''))}</td></tr>"
    yield "</table>"


def _type(about: dict[str, Any]) -> str:
    if "$ref" in about:
        return str(about["$ref"]).rpartition("/")[2]
    if "anyOf" in about:
        return " or ".join(_type(one) for one in about["anyOf"])
    if "items" in about:
        return f"list of {_type(about['items'])}"
    return str(about.get("type", "anything"))


def _example(summary: str, value: object) -> str:
    text = json.dumps(value, indent=2, ensure_ascii=False)
    return f"<details><summary>{escape(summary)}</summary><pre>{escape(text)}</pre></details>"


def _prose(text: str) -> str:
    """Paragraphs and one kind of list: as much of Markdown as our own descriptions use."""
    blocks = (block.strip() for block in text.split("\n\n"))
    return "".join(_list(block) if block.startswith("* ") else f"<p>{_inline(block)}</p>" for block in blocks if block)


def _list(block: str) -> str:
    return f"<ul>{''.join(f'<li>{_inline(line[2:])}</li>' for line in block.splitlines())}</ul>"


def _inline(text: str) -> str:
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(text))
