"""Which links may go into fields that a provider validates or fetches itself (providers.md §1.6)."""

import re

_LIMIT = 2048
_ABSOLUTE = re.compile(r"https://[^\s/?#\x00-\x20\x7f]+[^\s\x00-\x20\x7f]*", re.IGNORECASE).fullmatch


def fetchable(link: str) -> bool:
    """Whether a link is absolute, https, free of spaces and control characters, and at most 2048 characters long.

    Anything else still travels unchanged in the data keys; in a provider's own field it would turn into a refusal of
    the whole push.
    """
    return len(link) <= _LIMIT and _ABSOLUTE(link) is not None
