"""JSON calls to one HTTP interface."""

from datetime import timedelta
from pathlib import Path
from typing import Any

from pyreqwest.client import ClientBuilder
from pyreqwest.exceptions import TransportError

from clarion.foundation.errors import ClarionError

CALL_SECONDS = 30


class CallFailed(ClarionError):
    """A call was answered with another status than 2xx, or not at all."""

    code = "call_failed"


class JsonClient:
    """Calls below one base URL; `key` is sent as bearer token."""

    def __init__(self, base_url: str, *, key: str | None = None, ca_file: str | None = None) -> None:
        builder = ClientBuilder().timeout(timedelta(seconds=CALL_SECONDS)).no_proxy().follow_redirects(False)
        if ca_file:
            builder = builder.add_root_certificate_pem(Path(ca_file).read_bytes())
        self._client = builder.build()
        self._base_url = base_url
        self._headers = {"authorization": f"Bearer {key}"} if key else {}

    async def call(self, method: str, path: str, body: object = None) -> Any:
        """The decoded answer; None for an empty one. Raises `CallFailed`."""
        request = self._client.request(method, self._base_url + path).headers(self._headers)
        if body is not None:
            request = request.body_json(body)
        try:
            response = await request.build().send()
            content = await response.bytes()
        except TransportError as error:
            raise CallFailed(f"{method} {path} was not answered: {error}") from error
        if response.status // 100 != 2:
            text = bytes(content[:200]).decode(errors="replace")
            raise CallFailed(f"{method} {path} was answered with {response.status}: {text}")
        return await response.json() if len(content) else None

    async def aclose(self) -> None:
        """Close all connections."""
        await self._client.close()
