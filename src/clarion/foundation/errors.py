"""The error tree.

    ClarionError
    ├── InvalidInput        the request breaks a rule; nothing was changed
    │   └── UnknownReference  an id inside a body that does not exist or belongs to another account
    ├── Unauthorized        no valid credentials
    ├── Forbidden           the caller may not use this
    ├── NotFound            the addressed object does not exist (or belongs to another account)
    ├── Conflict            the object is in a state that forbids the action
    ├── TooManyRequests     a limit; carries the wait in seconds
    ├── Unavailable         try again later; carries the wait in seconds
    └── ConfigurationError  the operator's settings or surroundings are wrong; the start stops

Each leaf carries a stable `code` (docs/reference/errors.md). HTTP statuses live in `api/errors.py` only.
"""


class ClarionError(Exception):
    """Base of all errors we raise on purpose; `str(error)` is fit to be shown to people."""

    code = "error"


class InvalidInput(ClarionError):
    """The request breaks a documented rule; nothing was changed."""

    code = "invalid_input"


class UnknownReference(InvalidInput):
    """An id inside a body names nothing that this account owns."""

    code = "unknown_reference"


class Unauthorized(ClarionError):
    """Credentials are missing, malformed, unknown or revoked."""

    code = "unauthorized"


class Forbidden(ClarionError):
    """The caller is known but may not do this."""

    code = "forbidden"


class NotFound(ClarionError):
    """The addressed object does not exist for this account."""

    code = "not_found"


class Conflict(ClarionError):
    """The object's present state forbids the action."""

    code = "conflict"


class TooManyRequests(ClarionError):
    """A rate limit was reached; `retry_after` is in seconds."""

    code = "too_many_requests"

    def __init__(self, message: str, *, retry_after: int) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class Unavailable(ClarionError):
    """Temporarily out of service; `retry_after` is in seconds."""

    code = "unavailable"

    def __init__(self, message: str, *, retry_after: int = 5) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class ConfigurationError(ClarionError):
    """The operator's settings or surroundings are wrong; says what to do."""

    code = "configuration"
