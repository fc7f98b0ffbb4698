"""What a connection tells its channel."""

from dataclasses import dataclass

from clarion.providers.transport import Answer, Request


@dataclass(frozen=True, slots=True)
class Outcome:
    """What has ended on a connection since it last reported."""

    answers: list[Answer]
    refused: list[Request]
    """Certainly not processed; may be sent again."""
    detail: str
    """Why they were refused, or why the connection ended."""
