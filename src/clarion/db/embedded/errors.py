"""The one error that the embedded database raises towards its callers."""

from clarion.foundation.errors import ConfigurationError


class EmbeddedDatabaseError(ConfigurationError):
    """The embedded database cannot be used; the text is one line for a person and says what to do."""

    code = "embedded_database_unavailable"
