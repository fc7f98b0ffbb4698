"""The OpenAPI document of every route, and the page that shows it to people.

Litestar describes the routes it serves; `document` makes that fit for clients and adds the device API, which is raw
ASGI and described by hand in `device_side`. `page` renders the document without a script.
"""

from clarion.api.openapi.config import openapi_config
from clarion.api.openapi.routes import openapi_document

__all__ = ["openapi_config", "openapi_document"]
