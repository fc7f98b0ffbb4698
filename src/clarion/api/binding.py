"""How route functions receive their arguments: bodies, ids in paths, numbers in queries.

    async def update(self, app_id: PathId, data: JSONBody[UpdateApp], caller: CurrentCaller, apps: Apps) -> None

`data` is decoded strictly by `decoding.py`; `PathId` and `QueryNumber` are whole numbers read from the address;
services are injected under their names in `clarion.services.Services`.
"""

import asyncio
from typing import Any, ClassVar

from litestar import Request
from litestar.connection.base import ASGIConnection
from litestar.dto import AbstractDTO
from litestar.exceptions import HTTPException, InternalServerException
from litestar.openapi.spec import OpenAPIType, Schema
from litestar.params import FromPath
from litestar.plugins import OpenAPISchemaPlugin
from litestar.typing import FieldDefinition

from clarion.api.decoding import NUMBER_LIMIT, decode, whole_number


class _PathId(int):
    """An id in a path. What is not an integer is a 400; an integer out of range becomes 0, which names nothing, so
    that it is answered exactly like an id that does not exist.
    """


PathId = FromPath[_PathId]


class QueryNumber(int):
    """A whole number in a query string."""


def read_number(type_: type[Any], text: str) -> Any:
    """Make a `PathId` or `QueryNumber` from text; `ValueError` (a 400) when it is not an integer."""
    number = whole_number(str(text))
    if number is None:
        raise ValueError("must be a whole number")
    if issubclass(type_, _PathId):
        return type_(number if 0 < number <= NUMBER_LIMIT else 0)
    if abs(number) > NUMBER_LIMIT:
        raise ValueError("is too large")
    return type_(number)


def is_number_type(type_: Any) -> bool:
    """Whether `read_number` makes this type."""
    return isinstance(type_, type) and issubclass(type_, _PathId | QueryNumber)


TYPE_DECODERS = [(is_number_type, read_number)]


class JsonBody(AbstractDTO[Any]):
    """Decodes `data` arguments of all routes: JSON under any content type, strictly typed."""

    def decode_bytes(self, value: bytes) -> Any:
        """See `decoding.decode`."""
        field = self.asgi_connection.route_handler.parsed_data_field
        return decode(value, field.annotation)

    @classmethod
    def create_for_field_definition(cls, *args: Any, **kwargs: Any) -> None:
        """Nothing to prepare: the annotation itself says everything."""

    @classmethod
    def create_openapi_schema(cls, field_definition: FieldDefinition, handler_id: str, schema_creator: Any) -> Any:
        """The schema of the annotation, unchanged."""
        return schema_creator.for_field_definition(field_definition)

    @classmethod
    def generate_field_definitions(cls, model_type: type[Any]) -> Any:
        """Unused: no transfer model is generated."""
        raise NotImplementedError

    @classmethod
    def detect_nested_field(cls, field_definition: FieldDefinition) -> bool:
        """Unused: no transfer model is generated."""
        raise NotImplementedError


class ApiRequest(Request[Any, Any, Any]):
    """A request whose absent body reads as an empty object, and whose body must arrive whole and in time."""

    body_seconds: ClassVar[float] = 10.0

    async def body(self) -> bytes:
        """The body within the size limit; a 408 when it is too slow, a 400 when it breaks off or is framed wrongly."""
        try:
            async with asyncio.timeout(self.body_seconds):
                return await super().body() or b"{}"
        except TimeoutError:
            raise HTTPException(status_code=408) from None
        except InternalServerException:
            raise HTTPException(status_code=400) from None


class NumberSchemas(OpenAPISchemaPlugin):
    """Describes `PathId` and `QueryNumber` in the OpenAPI document."""

    @staticmethod
    def is_plugin_supported_type(value: Any) -> bool:
        """See `is_number_type`."""
        return is_number_type(value)

    def to_openapi_schema(self, field_definition: FieldDefinition, schema_creator: Any) -> Schema:
        """A 64-bit integer; ids begin at 1."""
        minimum = 1 if issubclass(field_definition.annotation, _PathId) else None
        return Schema(type=OpenAPIType.INTEGER, minimum=minimum)


def connection_request_id(connection: ASGIConnection[Any, Any, Any, Any]) -> str:
    """The id of this request, as the front gave it."""
    return str(connection.scope["state"]["request_id"])
