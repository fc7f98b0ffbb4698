"""Tokens of forms belong to one browser; forms note faults instead of failing; pages lead nowhere else."""

import pytest

from clarion.console.access import Access, check_access
from clarion.console.formats import Formats
from clarion.console.forms import Form
from clarion.console.tokens import form_token, is_form_token
from clarion.foundation.errors import Unauthorized


def test_a_token_fits_its_browser_only_and_looks_different_each_time() -> None:
    one, other = form_token("cookie"), form_token("cookie")
    assert one != other
    assert is_form_token(one, "cookie")
    assert is_form_token(other, "cookie")
    assert not is_form_token(one, "another")


def test_what_is_no_token_is_refused() -> None:
    right = form_token("cookie")
    for token in ("", "A", "é", "A" * 88, right[:-4], right + "AAAA", f" {right}", right.replace("=", "")):
        assert not is_form_token(token, "cookie"), token


def test_forms_note_what_is_wrong_with_each_field() -> None:
    form = Form({"n": ["12x"], "big": ["99999999999999999999"], "c": ["zebra"], "at": ["soon"], "t": ["x" * 11]})
    assert form.number("n", low=1, high=9) == 1
    form.number("big")
    form.choice("c", ["a", "b"])
    form.moment("at")
    form.text("t", limit=10)
    form.text("missing")
    assert set(form.faults) == {"n", "big", "c", "at", "t", "missing"}
    assert form.faulty


def test_a_form_that_is_right_gives_its_values() -> None:
    form = Form.of(name=" Shop ", n=7, ids=[1, 2], on=True, off=False, none=None)
    assert (form.text("name"), form.number("n", high=9), form.values("ids")) == ("Shop", 7, ["1", "2"])
    assert (form.flag("on"), form.flag("off"), form.flag("none")) == (True, False, False)
    assert not form.faulty


def test_a_route_without_a_word_needs_a_member() -> None:
    with pytest.raises(Unauthorized):
        check_access(None, method="GET", opt={})
    check_access(None, method="POST", opt={"access": Access.ANYONE})


def test_numbers_are_written_as_in_the_language() -> None:
    english, russian = Formats("en", "UTC"), Formats("ru", "UTC")
    assert (english.number(12345), english.share(1, 8), english.share(1, 0), english.bytes(1500)) == (
        "12,345",
        "12.5%",
        "–",
        "1.5 kB",
    )
    assert russian.number(12345) == "12\xa0345"
