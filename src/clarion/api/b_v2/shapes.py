"""Request and answer shapes that several resources share."""

import msgspec


class Created(msgspec.Struct, frozen=True):
    """The answer of every create call that names just the new object."""

    id: int
