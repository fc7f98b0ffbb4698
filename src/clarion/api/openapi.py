"""How the OpenAPI document describes the routes."""

from litestar.handlers import HTTPRouteHandler
from litestar.openapi import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin
from litestar.types import Method
from litestar.types.internal_types import PathParameterDefinition

from clarion import __version__


def operation_id(
    handler: HTTPRouteHandler, method: Method, path_components: list[str | PathParameterDefinition]
) -> str:
    """The method and the path: unique even where one function serves several spellings of a path."""
    parts = [component if isinstance(component, str) else component.name for component in path_components]
    return ".".join([str(method).lower(), *parts])


def openapi_config() -> OpenAPIConfig:
    """The document's head and where it is served."""
    return OpenAPIConfig(
        title="Clarion",
        version=__version__,
        path="/docs",
        render_plugins=[JsonRenderPlugin(path="/openapi.json")],
        operation_id_creator=operation_id,
    )
