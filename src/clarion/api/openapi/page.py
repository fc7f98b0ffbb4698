"""The OpenAPI document as a page: operations by tag, then the shapes they use."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from typing import Any

import jinja2

from clarion.api.openapi.document import Document

_REFERENCE = "#/components/schemas/"


@dataclass(frozen=True, slots=True)
class Word:
    """A piece of a type's name; `shape` links it to a shape of the document."""

    text: str
    shape: str | None = None


@dataclass(frozen=True, slots=True)
class Field:
    """One line of a table."""

    name: str
    place: str
    type: Sequence[Word]
    required: bool
    description: str


@dataclass(frozen=True, slots=True)
class Answer:
    """One status."""

    status: str
    description: str
    type: Sequence[Word]


@dataclass(frozen=True, slots=True)
class Operation:
    """One route."""

    id: str
    method: str
    path: str
    summary: str
    description: Sequence[str]
    needs_key: bool
    parameters: Sequence[Field]
    body: Sequence[Word]
    body_example: str | None
    answers: Sequence[Answer]
    answer_example: str | None


@dataclass(frozen=True, slots=True)
class Section:
    """The operations of one tag."""

    name: str
    anchor: str
    description: str
    operations: Sequence[Operation]


@dataclass(frozen=True, slots=True)
class Shape:
    """One schema."""

    name: str
    description: str
    type: Sequence[Word]
    fields: Sequence[Field]
    values: Sequence[str]


def render(document: Document) -> str:
    """The whole page."""
    template = _environment().get_template("docs.html")
    return template.render(
        info=document["info"],
        introduction=document["info"]["description"].strip().split("\n\n"),
        sections=_sections(document),
        shapes=[_shape(name, schema) for name, schema in sorted(document["components"]["schemas"].items())],
    )


def _environment() -> jinja2.Environment:
    texts = resources.files(__package__).joinpath("templates")
    loader = jinja2.FunctionLoader(lambda name: texts.joinpath(name).read_text("utf-8"))
    return jinja2.Environment(loader=loader, autoescape=True, trim_blocks=True, lstrip_blocks=True)


def _sections(document: Document) -> list[Section]:
    by_tag: dict[str, list[Operation]] = {tag["name"]: [] for tag in document["tags"]}
    for path, item in document["paths"].items():
        for method, operation in item.items():
            by_tag[operation["tags"][0]].append(_operation(operation, path=path, method=method))
    return [
        Section(tag["name"], tag["name"].replace(" ", "-"), tag["description"], by_tag[tag["name"]])
        for tag in document["tags"]
    ]


def _operation(operation: Mapping[str, Any], *, path: str, method: str) -> Operation:
    media = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
    answers = operation["responses"]
    return Operation(
        id=operation["operationId"],
        method=method.upper(),
        path=path,
        summary=operation["summary"],
        description=operation.get("description", "").split("\n\n"),
        needs_key=bool(operation.get("security")),
        parameters=[_parameter(parameter) for parameter in operation.get("parameters", ())],
        body=_type(media["schema"]) if media else (),
        body_example=_pretty(media.get("example")),
        answers=[_answer(status, answer) for status, answer in answers.items()],
        answer_example=_pretty(_json_of(next(iter(answers.values()))).get("example")),
    )


def _parameter(parameter: Mapping[str, Any]) -> Field:
    return Field(
        name=parameter["name"],
        place=parameter["in"],
        type=_type(parameter["schema"]),
        required=parameter.get("required", False),
        description=parameter.get("description", ""),
    )


def _answer(status: str, answer: Mapping[str, Any]) -> Answer:
    schema = _json_of(answer).get("schema")
    return Answer(status, answer["description"], _type(schema) if schema else ())


def _json_of(answer: Mapping[str, Any]) -> Mapping[str, Any]:
    found: Mapping[str, Any] = answer.get("content", {}).get("application/json", {})
    return found


def _shape(name: str, schema: Mapping[str, Any]) -> Shape:
    required = schema.get("required", ())
    fields = [
        Field(key, "", _type(value), key in required, value.get("description", ""))
        for key, value in schema.get("properties", {}).items()
    ]
    return Shape(name, schema.get("description", ""), () if fields else _type(schema), fields, schema.get("enum", ()))


def _type(schema: Mapping[str, Any]) -> list[Word]:
    """A schema's type as words: "list of DeliveryView or null"."""
    if reference := schema.get("$ref"):
        name = str(reference).removeprefix(_REFERENCE)
        return [Word(name, name)]
    for key in ("oneOf", "anyOf"):
        if key in schema:
            return _joined([_type(choice) for choice in schema[key]])
    types = schema.get("type", "anything")
    names = [types] if isinstance(types, str) else types
    return _joined([_named(name, schema) for name in names])


def _named(name: str, schema: Mapping[str, Any]) -> list[Word]:
    if name == "array" and "items" in schema:
        return [Word("list of "), *_type(schema["items"])]
    if name == "string" and "format" in schema:
        return [Word(schema["format"])]
    return [Word(name)]


def _joined(choices: Sequence[Sequence[Word]]) -> list[Word]:
    words: list[Word] = []
    for choice in choices:
        words += [Word(" or "), *choice] if words else choice
    return words


def _pretty(example: Any) -> str | None:
    return None if example is None else json.dumps(example, indent=2, ensure_ascii=False)
