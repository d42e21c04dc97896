"""Holds both published documents against their standards: `python -m api.lint URL`.

Each run breaks copies of them first, because a check that cannot fail says nothing.
"""

import copy
import json
import sys
from collections.abc import Callable, Iterator
from typing import Any
from urllib.request import urlopen

from asyncapi3 import AsyncAPI3
from openapi_spec_validator import OpenAPIV31SpecValidator

Document = dict[str, Any]

METHODS = {"get", "post", "put", "patch", "delete"}


def openapi(document: Document) -> Iterator[str]:
    """What is wrong with an OpenAPI document."""
    lost = list(dangling(document))
    if lost:
        # The validator would give up at the first.
        yield from lost
        return
    for error in OpenAPIV31SpecValidator(document).iter_errors():
        yield f"{'/'.join(map(str, error.path))}: {error.message}"
    for path, item in document["paths"].items():
        for method in METHODS & item.keys():
            yield from operation(f"{method} {path}", item[method])
    yield from unused(document)


def operation(name: str, written: Document) -> Iterator[str]:
    """What is missing in an operation that the standard does not ask for, but readers do."""
    for wanted in ("operationId", "summary", "tags", "security"):
        if wanted not in written:
            yield f"{name} has no {wanted}"
    contents = [written.get("requestBody", {})]
    contents += [answer for status, answer in written["responses"].items() if status.startswith("2")]
    if len(contents) == 1:
        yield f"{name} cannot succeed"
    for content in contents:
        for media_type, body in content.get("content", {}).items():
            if "example" not in body:
                yield f"{name} has {media_type} without an example"


def asyncapi(document: Document) -> Iterator[str]:
    """What is wrong with an AsyncAPI document."""
    try:
        AsyncAPI3.model_validate(document)
    except ValueError as error:
        yield str(error)
    yield from dangling(document)
    yield from unused(document)


def references(value: Any) -> Iterator[str]:
    """All references in a document."""
    if isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"]
        value = list(value.values())
    if isinstance(value, list):
        for item in value:
            yield from references(item)


def dangling(document: Document) -> Iterator[str]:
    """References that lead nowhere."""
    for reference in references(document):
        there: Any = document
        for step in reference.removeprefix("#/").split("/"):
            step = step.replace("~1", "/").replace("~0", "~")
            there = there.get(step) if isinstance(there, dict) else None
        if there is None:
            yield f"{reference} leads nowhere"


def unused(document: Document) -> Iterator[str]:
    """Types that nothing mentions."""
    mentioned = set(references(document))
    for name in document["components"]["schemas"]:
        if f"#/components/schemas/{name}" not in mentioned:
            yield f"{name} is not used"


Lint = Callable[[Document], Iterator[str]]
Breakage = Callable[[Document], Any]

BREAKAGES: list[tuple[Lint, str, Breakage]] = [
    (openapi, "no responses", lambda d: d["paths"]["/v1/workspace"]["get"].pop("responses")),
    (openapi, "no such type", lambda d: d["components"]["schemas"].pop("Campaign")),
    (openapi, "no path parameter", lambda d: d["paths"]["/v1/leads/{id}"]["get"].pop("parameters")),
    (openapi, "no such JSON type", lambda d: d["components"]["schemas"]["Campaign"].update(type="uuid")),
    (openapi, "two of one name", lambda d: d["paths"]["/health"]["get"].update(operationId="addLeads")),
    (openapi, "an unused type", lambda d: d["components"]["schemas"].update(Nobody={"type": "null"})),
    (asyncapi, "no channel", lambda d: d["channels"].pop("submitted")),
    (asyncapi, "no such action", lambda d: d["operations"]["submit"].update(action="publish")),
    (asyncapi, "no such member", lambda d: d["channels"]["replies"].update(subscribe={})),
    (asyncapi, "no such type", lambda d: d["components"]["schemas"].pop("EntryResult")),
]


def problems(lint: Lint, document: Document) -> list[str]:
    """What a lint says; one that cannot even read the document says so."""
    try:
        return list(lint(document))
    except (KeyError, TypeError, AttributeError) as error:
        return [repr(error)]


def main(url: str) -> int:
    """Lints what is served there."""
    found = 0
    for path, lint in (("/openapi.json", openapi), ("/asyncapi.json", asyncapi)):
        with urlopen(url + path) as answer:
            document = json.load(answer)
        for broken_by, what, breakage in BREAKAGES:
            if broken_by is lint:
                broken = copy.deepcopy(document)
                breakage(broken)
                if not problems(lint, broken):
                    print(f"{path}: nobody would notice {what}")
                    found += 1
        for problem in problems(lint, document):
            print(f"{path}: {problem}")
            found += 1
    if not found:
        print("rollcall: both published specifications are good documents")
    return min(found, 1)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
