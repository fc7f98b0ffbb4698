"""The OpenAPI document is complete, and the page that shows it needs nothing from elsewhere (operator.md §4)."""

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Any

import httpx
import jsonschema_rs
import pytest
from litestar.routes import HTTPRoute

from clarion.api.front import Front
from clarion.api.openapi.examples import REQUESTS, RESPONSES

pytestmark = pytest.mark.anyio


@pytest.fixture
async def document(http: httpx.AsyncClient) -> dict[str, Any]:
    answer = await http.get("/openapi.json")
    assert answer.status_code == 200
    body: dict[str, Any] = answer.json()
    return body


def operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, item in document["paths"].items():
        for method, operation in item.items():
            yield path, method, operation


async def test_every_route_is_described_or_named_as_another_spelling(
    application: Front, document: dict[str, Any]
) -> None:
    text = str(document["paths"])
    for route in application.management.routes:
        if isinstance(route, HTTPRoute) and route.path.startswith("/api/"):
            assert f"'{route.path_format}'" in text or f"`{route.path_format}`" in text, route.path_format


async def test_the_device_api_and_postbacks_are_described(document: dict[str, Any]) -> None:
    found = [item for item in operations(document) if item[2]["tags"][0] in ("device API", "postbacks")]
    assert all(operation["security"] == [] for _, _, operation in found)
    described = {(method, path) for path, method, _ in found}
    instances = "/api/r/v2/apps/{app_id}/instances"
    assert described == {
        ("post", instances),
        ("put", f"{instances}/{{instance_id}}/info"),
        ("post", f"{instances}/{{instance_id}}/deactivate"),
        ("post", f"{instances}/{{instance_id}}/events/notification"),
        ("post", f"{instances}/{{instance_id}}/events/lifecycle"),
        ("get", "/api/postback/"),
        ("post", "/api/postback/"),
    }


async def test_every_operation_has_its_own_id_a_known_tag_and_a_summary(document: dict[str, Any]) -> None:
    tags = {tag["name"] for tag in document["tags"]}
    found = [operation for _, _, operation in operations(document)]
    ids = [operation["operationId"] for operation in found]
    assert len(set(ids)) == len(ids)
    for operation in found:
        assert set(operation["tags"]) <= tags, operation["operationId"]
        assert operation["summary"], operation["operationId"]
        assert re.fullmatch(r"\w+", operation["operationId"])


async def test_every_error_has_the_documented_shape(document: dict[str, Any]) -> None:
    for path, _, operation in operations(document):
        errors = {status: answer for status, answer in operation["responses"].items() if int(status) >= 400}
        if path.startswith("/api/"):
            assert "400" in errors, path
        for answer in errors.values():
            shape = answer["content"]["application/json"]["schema"]["$ref"].rpartition("/")[2]
            assert shape == ("Problem" if path.startswith(("/api/r/", "/api/postback")) else "Error"), path


async def test_every_reference_leads_somewhere(document: dict[str, Any]) -> None:
    shapes = document["components"]["schemas"]
    for name in re.findall(r"'\$ref': '#/components/schemas/(\w+)'", str(document)):
        assert name in shapes


async def test_management_operations_need_the_key(document: dict[str, Any]) -> None:
    assert document["components"]["securitySchemes"]["BearerToken"]["scheme"] == "bearer"
    for path, _, operation in operations(document):
        if path.startswith(("/api/b/", "/api/v1/")):
            assert operation["security"] == [{"BearerToken": []}], path


async def test_query_parameters_are_absent_or_present_but_never_null(document: dict[str, Any]) -> None:
    for _, _, operation in operations(document):
        for parameter in operation.get("parameters", ()):
            assert "null" not in str(parameter["schema"]), (operation["operationId"], parameter["name"])


async def test_every_example_has_the_shape_that_it_illustrates(document: dict[str, Any]) -> None:
    by_id = {operation["operationId"]: operation for _, _, operation in operations(document)}
    assert not set(REQUESTS) - set(by_id)
    assert not set(RESPONSES) - set(by_id)
    for operation in by_id.values():
        bodies = [operation["requestBody"], *operation["responses"].values()] if "requestBody" in operation else []
        for body in bodies or operation["responses"].values():
            media = body.get("content", {}).get("application/json", {})
            if "example" in media:
                schema = {**media["schema"], "components": document["components"]}
                jsonschema_rs.validate(schema, media["example"])


class _Sources(HTMLParser):
    """Collects what a page would load or lead to."""

    def __init__(self) -> None:
        super().__init__()
        self.loaded: list[str] = []
        self.linked: list[str] = []
        self.anchors: set[str] = set()
        self.tags: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self.tags.add(tag)
        self.anchors.add(found.get("id") or "")
        if tag == "a":
            self.linked.append(found.get("href") or "")
        else:
            self.loaded += [value for name in ("src", "href", "srcset") if (value := found.get(name))]


async def test_the_page_loads_its_style_sheet_and_nothing_else(http: httpx.AsyncClient) -> None:
    page = await http.get("/docs")
    assert page.status_code == 200
    assert page.headers["content-type"].startswith("text/html")
    sources = _Sources()
    sources.feed(page.text)
    assert sources.loaded == ["/docs/style.css"]
    assert "script" not in sources.tags
    assert "style=" not in page.text
    style = await http.get("/docs/style.css")
    assert style.headers["content-type"].startswith("text/css")
    assert "url(" not in style.text
    assert "@import" not in style.text


async def test_the_page_shows_every_operation_and_its_links_lead_somewhere(
    http: httpx.AsyncClient, document: dict[str, Any]
) -> None:
    page = (await http.get("/docs")).text
    sources = _Sources()
    sources.feed(page)
    for path, _, operation in operations(document):
        assert operation["operationId"] in sources.anchors
        assert f"<code>{path}</code>" in page
    for link in sources.linked:
        assert link == "/openapi.json" or link[1:] in sources.anchors, link


async def test_the_page_forbids_scripts_frames_and_other_hosts(http: httpx.AsyncClient) -> None:
    for path in ("/docs", "/docs/style.css"):
        headers = (await http.get(path)).headers
        policy = headers["content-security-policy"].split("; ")
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert headers["x-content-type-options"] == "nosniff"


async def test_the_document_beside_the_page_is_the_same(http: httpx.AsyncClient, document: dict[str, Any]) -> None:
    assert (await http.get("/docs/openapi.json")).json() == document
