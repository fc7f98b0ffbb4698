"""What Litestar is told about the OpenAPI document."""

from litestar.handlers import HTTPRouteHandler
from litestar.openapi import OpenAPIConfig
from litestar.types import Method
from litestar.types.internal_types import PathParameterDefinition

from clarion import __version__
from clarion.api.openapi.routes import PLUGINS, docs_router


def operation_id(
    handler: HTTPRouteHandler, method: Method, path_components: list[str | PathParameterDefinition]
) -> str:
    """The function's name, the method and the path: unique even where one function serves several spellings.

    `document` makes the final id of it.
    """
    parts = [component if isinstance(component, str) else component.name for component in path_components]
    return ".".join([handler.fn.__name__, str(method).lower(), *parts])


def openapi_config() -> OpenAPIConfig:
    """The document's head, and the routes that serve it."""
    return OpenAPIConfig(
        title="Clarion",
        version=__version__,
        openapi_router=docs_router(),
        render_plugins=PLUGINS,
        operation_id_creator=operation_id,
        use_handler_docstrings=True,
    )
