"""Plain addresses, which only an operator can name, do not go to the engine."""

from dataclasses import dataclass

import pytest

from clarion.providers.by_scheme import BySchemeTransport
from clarion.providers.transport import Channel, ChannelOptions, Sink


class Opened(Exception):
    """Says which transport was asked."""


@dataclass
class Named:
    """A transport that opens nothing."""

    name: str

    def open(self, origin: str, sink: Sink, options: ChannelOptions) -> Channel:
        raise Opened(self.name)


@pytest.mark.parametrize(
    ("origin", "chosen"),
    [
        ("https://api.push.apple.com", "secure"),
        ("http://127.0.0.1:8080", "plain"),
        ("ftp://x", "secure"),
    ],
)
def test_the_scheme_chooses_the_transport(origin: str, chosen: str) -> None:
    both = BySchemeTransport(Named("secure"), Named("plain"))
    with pytest.raises(Opened, match=chosen):
        both.open(origin, lambda answers: None, ChannelOptions())
