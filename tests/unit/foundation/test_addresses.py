"""Which addresses may be reached on behalf of accounts (reliability.md SS-4, SS-5, SS-6)."""

import pytest

from clarion.foundation.addresses import is_public, target_of

PRIVATE = """
0.0.0.0 0.1.2.3 10.0.0.1 10.255.255.255 100.64.0.1 100.127.255.255 127.0.0.1 127.1.2.3 169.254.169.254 172.16.0.1
172.31.255.255 192.0.0.8 192.0.0.170 192.0.2.1 192.88.99.1 192.168.0.1 192.168.255.255 198.18.0.1 198.19.255.255
198.51.100.7 203.0.113.9 224.0.0.1 239.255.255.255 240.0.0.1 255.255.255.255
:: ::1 ::127.0.0.1 ::ffff:127.0.0.1 ::ffff:10.0.0.1 ::ffff:169.254.169.254 ::ffff:7f00:1 64:ff9b::7f00:1
64:ff9b::a9fe:a9fe 100::1 2001::1 2001:10::1 2001:1ff:ffff::1 2001:db8::1 2002:7f00:1:: 2002:c0a8:1::1 3fff::1
3fff:fff::1
4000::1 5f00::1 fc00::1 fd00:ec2::254 fe80::1 fe80::1%eth0 fec0::1 ff02::1 ff0e::1
"""
PUBLIC = """
1.1.1.1 8.8.8.8 9.255.255.255 11.0.0.1 100.63.255.255 100.128.0.1 126.255.255.255 128.0.0.1 169.253.1.1 172.15.255.255
172.32.0.1 191.255.255.255 192.0.1.1 192.0.3.1 192.167.1.1 192.169.0.1 198.17.1.1 198.20.0.1 223.255.255.255
::ffff:8.8.8.8 2001:200::1 2001:4860:4860::8888 2003::1 2606:4700:4700::1111 2a00:1450:4001:81b::200e 3ffe::1
"""

UNREADABLE = [
    "",
    "hooks.example",
    "//hooks.example/",
    "https:///path",
    "https://",
    "ftp://hooks.example/",
    "file:///etc/passwd",
    "gopher://hooks.example/",
    "javascript:alert(1)",
    "https://user@hooks.example/",
    "https://user:password@hooks.example/",
    "https://hooks.example@127.0.0.1/",
    "https://hooks.example\\@127.0.0.1/",
    "https://hooks.example/#fragment",
    "https://hooks.example#@127.0.0.1/",
    "https://hooks.example./",
    "https://.hooks.example/",
    "https://hooks..example/",
    "https://hooks.example:0/",
    "https://hooks.example:/",
    "https://hooks.example:65536/",
    "https://hooks.example:443x/",
    "https://hooks.example:+443/",
    "https://hooks.example:0443/",
    "https://hooks.example /",
    "https://hooks.example/a b",
    "https://hooks\t.example/",
    "https://hooks.exam\nple/",
    "https://hooks.example/\x00",
    "https://hooks\u3002example/",
    "https://b\u00fccher.example/",
    "https://hooks%2eexample/",
    "https://127.1/",
    "https://0x7f000001/",
    "https://0x7f.0.0.1/",
    "https://2130706433/",
    "https://0177.0.0.1/",
    "https://127.0.0.1./",
    "https://127.0.0.256/",
    "https://[::1/",
    "https://::1/",
    "https://[0:0:0:0:0:0:0:1]/",
    "https://[::FFFF:127.0.0.1%25eth0]/",
    "https://[fe80::1%25eth0]/",
    "https://[v1.a]/",
    "https://-hooks.example/",
    "https://hooks-.example/",
    "https://" + "a" * 64 + ".example/",
    "https://hooks.example/" + "a" * 2048,
]


@pytest.mark.parametrize("address", PRIVATE.split())
def test_special_addresses_are_never_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", PUBLIC.split())
def test_addresses_beside_the_special_blocks_are_public(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize("url", UNREADABLE)
def test_addresses_that_parsers_could_read_differently_are_none(url: str) -> None:
    assert target_of(url) is None


@pytest.mark.parametrize(
    ("url", "scheme", "host", "port"),
    [
        ("https://hooks.example", "https", "hooks.example", 443),
        ("https://HOOKS.example:8443/a?b=c", "https", "hooks.example", 8443),
        ("http://localhost:9000/", "http", "localhost", 9000),
        ("https://xn--bcher-kva.example/", "https", "xn--bcher-kva.example", 443),
        ("https://[2001:4860:4860::8888]:8443/", "https", "2001:4860:4860::8888", 8443),
        ("https://8.8.8.8/", "https", "8.8.8.8", 443),
        ("http://hook_1.internal/", "http", "hook_1.internal", 80),
    ],
)
def test_plain_addresses_are_read(url: str, scheme: str, host: str, port: int) -> None:
    target = target_of(url)
    assert target is not None
    assert (target.scheme, target.host, target.port) == (scheme, host, port)


def test_an_operators_list_names_hosts_with_their_port() -> None:
    at_9000, plain = target_of("http://localhost:9000/"), target_of("https://[::1]/")
    assert at_9000 is not None
    assert plain is not None
    assert at_9000.named_in(["LOCALHOST:9000"])
    assert not at_9000.named_in(["localhost", "localhost:9001", "127.0.0.1:9000"])
    assert plain.named_in(["[::1]"])
    assert plain.named_in(["[::1]:443"])
    assert not plain.named_in(["[::1]:80"])
