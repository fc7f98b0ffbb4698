"""Describes idempotency keys in the OpenAPI document: on every operation that creates something. Pure."""

from typing import Any

from clarion.features.idempotency.model import HEADER, KEPT_HOURS, KEY_LIMIT, KEY_PATTERN, REPLAYED_HEADER

CONFLICTS = (409, 422)
"""What is answered besides while a key is in use, and when it belongs to another request."""


def creates(operation: dict[str, Any]) -> bool:
    """Whether the operation takes an idempotency key."""
    return "201" in operation["responses"]


def describe_key(operation: dict[str, Any]) -> None:
    """Add the header to the request, and the mark of a repeated answer to the answer."""
    operation.setdefault("parameters", []).append(
        {
            "name": HEADER,
            "in": "header",
            "required": False,
            "description": (
                "Repeating a call with its key does nothing and gives the first answer again, "
                f"for {KEPT_HOURS} hours at least."
            ),
            "schema": {"type": "string", "minLength": 1, "maxLength": KEY_LIMIT, "pattern": KEY_PATTERN},
        }
    )
    operation["responses"]["201"]["headers"] = {
        REPLAYED_HEADER: {
            "description": "The answer was given before; nothing was done.",
            "schema": {"type": "string", "const": "true"},
        }
    }
