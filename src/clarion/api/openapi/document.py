"""From Litestar's description of the routes to a document that clients can be generated from. Pure.

Litestar knows paths, parameters and shapes; it does not know our errors, which spellings of a path are only aliases,
that numbers have 64 bits, or that an absent query parameter is not `null`.
"""

import copy
from collections.abc import Iterator, Mapping
from typing import Any

from clarion.api.decoding import NUMBER_LIMIT
from clarion.api.openapi.device_side import DEVICE_PATHS, DEVICE_SCHEMAS
from clarion.api.openapi.examples import REQUESTS, RESPONSES
from clarion.api.openapi.repeating import CONFLICTS, creates, describe_key
from clarion.api.openapi.texts import DESCRIPTION, ERRORS, PARAMETERS, SUCCESSES, TAGS

Document = dict[str, Any]
Operation = dict[str, Any]

SUMMARY = "Self-hosted push notifications, wire-compatible with Push.Express"
_METHODS = ("get", "post", "put", "patch", "delete")
_NOISE = ("deprecated", "allowEmptyValue", "allowReserved")
_ALWAYS_WITH_KEY = (400, 401, 403, 429, 503)
_USUAL = ("/sched/weekly",)
"""Spellings that are not the shortest, and yet those that people should use."""
_CONFLICTS = (
    *(f"schedulers_{name}" for name in ("pause", "resume", "cancel", "replace", "change", "activate", "send_test")),
    "comparisons_set_comparison",
    "comparisons_drop_comparison",
    "filters_create",
    "filters_replace",
    "events_replace_postbacks",
)

_NAMING = ("devices_export_person", "devices_erase_person")
"""Operations whose body names what may not exist."""


def complete(described: Mapping[str, Any]) -> Document:
    """The finished document. `described` is Litestar's; it is left as it was."""
    paths = copy.deepcopy(dict(described["paths"]))
    _drop_aliases(paths)
    for path, method, operation in _operations(paths):
        _finish(operation, path=path, method=method)
    schemas = copy.deepcopy(dict(described["components"]["schemas"]))
    document: Document = {
        "openapi": "3.1.0",
        "info": {**described["info"], "summary": SUMMARY, "description": DESCRIPTION},
        "servers": [{"url": "/"}],
        "tags": [{"name": name, "description": text} for name, text in TAGS.items()],
        "paths": {**{path: _ordered(paths[path]) for path in sorted(paths)}, **DEVICE_PATHS},
        "components": {
            "schemas": {**schemas, **DEVICE_SCHEMAS, "Error": _ERROR},
            "securitySchemes": {"BearerToken": {"type": "http", "scheme": "bearer", "description": "The API key."}},
        },
    }
    _bound_numbers(document["components"]["schemas"])
    return document


_ERROR: Mapping[str, Any] = {
    "type": "object",
    "title": "Error",
    "description": "What every failed call of the management API answers.",
    "required": ["error", "req_id"],
    "properties": {
        "error": {"type": "string", "description": "What is wrong, in words."},
        "req_id": {"type": "string", "description": "Names this request in the log; also in `X-Request-Id`."},
    },
    "examples": [{"error": "validation error: name is required", "req_id": "01J9Z6K3Q8VH2M4T5W6X7Y8Z9A"}],
}


def _operations(paths: Mapping[str, Any]) -> Iterator[tuple[str, str, Operation]]:
    for path, item in paths.items():
        for method, operation in item.items():
            yield path, method, operation


def _ordered(item: Mapping[str, Any]) -> dict[str, Any]:
    return {method: item[method] for method in _METHODS if method in item}


def _drop_aliases(paths: Document) -> None:
    """One function on several paths is one operation; its usual or else shortest path stays, and names the others."""
    spellings: dict[tuple[str, ...], list[str]] = {}
    for path, method, operation in _operations(paths):
        key = (operation["operationId"].split(".")[0], method, *operation.get("tags", ()))
        spellings.setdefault(key, []).append(path)
    for (_, method, *_), found in spellings.items():
        kept, *others = sorted(found, key=lambda path: (not path.endswith(_USUAL), len(path), path))
        for path in others:
            del paths[path][method]
        if others:
            operation = paths[kept][method]
            aliases = ", ".join(f"`{path}`" for path in others)
            operation["description"] = f"{operation.get('description', '')}\n\nAlso served as {aliases}.".strip()
    for path in [path for path, item in paths.items() if not item]:
        del paths[path]


def _finish(operation: Operation, *, path: str, method: str) -> None:
    name = operation["operationId"].split(".")[0]
    operation["operationId"] = f"{operation['tags'][0].replace(' ', '_')}_{name}"
    _clean(operation)
    operation.setdefault("security", [])
    for parameter in operation.get("parameters", ()):
        _finish_parameter(parameter)
    _finish_responses(operation, path)
    if creates(operation) and operation["security"]:
        describe_key(operation)
    _add_examples(operation)


def _clean(item: dict[str, Any]) -> None:
    for name in _NOISE:
        if item.get(name) is False:
            del item[name]


def _finish_parameter(parameter: dict[str, Any]) -> None:
    _clean(parameter)
    if parameter["name"] in PARAMETERS:
        parameter.setdefault("description", PARAMETERS[parameter["name"]])
    schema = parameter["schema"]
    choices = [choice for choice in schema.pop("oneOf", ()) if choice != {"type": "null"}]
    if choices:
        schema |= choices[0]
    schema.pop("description", None)
    if schema.get("type") == "integer":
        schema |= {"format": "int64", "minimum": schema.get("minimum", -NUMBER_LIMIT), "maximum": NUMBER_LIMIT}


def _finish_responses(operation: Operation, path: str) -> None:
    successes = {status: answer for status, answer in operation["responses"].items() if int(status) < 400}
    for status, answer in successes.items():
        answer.pop("headers", None)
        answer["description"] = SUCCESSES[int(status)]
        _split_media_types(answer)
    errors = {str(status): _error(status) for status in _error_statuses(operation, path)}
    operation["responses"] = {**successes, **errors}


def _split_media_types(answer: dict[str, Any]) -> None:
    """A JSON shape or text: the text is the same as CSV."""
    schema = answer.get("content", {}).get("application/json", {}).get("schema", {})
    if {"type": "string"} in schema.get("oneOf", ()):
        shape = next(choice for choice in schema["oneOf"] if choice != {"type": "string"})
        answer["content"] = {"application/json": {"schema": shape}, "text/csv": {"schema": {"type": "string"}}}


def _error_statuses(operation: Operation, path: str) -> list[int]:
    statuses: set[int] = set()
    if operation["security"]:
        statuses.update(_ALWAYS_WITH_KEY)
        statuses.update(CONFLICTS if creates(operation) else ())
    if "{" in path or operation["operationId"] in _NAMING:
        statuses.add(404)
    if "requestBody" in operation:
        statuses.update((413, 415))
    if operation["operationId"] in _CONFLICTS:
        statuses.add(409)
    if path == "/readyz":
        statuses.add(503)
    return sorted(statuses)


def _error(status: int) -> dict[str, Any]:
    content = {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}
    return {"description": ERRORS[status], "content": content}


def _add_examples(operation: Operation) -> None:
    name = operation["operationId"]
    if name in REQUESTS:
        operation["requestBody"]["content"]["application/json"]["example"] = REQUESTS[name]
    if name in RESPONSES:
        answer = next(iter(operation["responses"].values()))
        answer["content"]["application/json"]["example"] = RESPONSES[name]


def _bound_numbers(node: Any) -> None:
    """Whole numbers have 64 bits, in bodies and answers."""
    if isinstance(node, dict):
        if node.get("type") == "integer":
            node.setdefault("format", "int64")
            node.setdefault("minimum", -NUMBER_LIMIT)
            node.setdefault("maximum", NUMBER_LIMIT)
        for value in node.values():
            _bound_numbers(value)
    elif isinstance(node, list):
        for value in node:
            _bound_numbers(value)
