"""Bodies of the device API: limits that hold before anything is parsed."""

import time

import pytest

from clarion.api.r_v2.bodies import BODY_LIMIT, DEPTH_LIMIT, read_lifecycle
from clarion.foundation.errors import InvalidInput


def test_quotes_that_never_close_are_refused_as_fast_as_any_other_body() -> None:
    """Anonymous callers send these: a hundred of them must not cost seconds of the process that serves everybody."""
    opening = b"[" * (DEPTH_LIMIT + 1) + b'"'
    body = opening + b'\\"' * ((BODY_LIMIT - len(opening)) // 2)
    started = time.perf_counter()
    for _ in range(100):
        with pytest.raises(InvalidInput):
            read_lifecycle(body)
    assert time.perf_counter() - started < 2


@pytest.mark.parametrize("text", [b'"[[[\\"[[["', b'"\\\n' + b"[" * 40 + b'"', b'"' + b"[" * 40])
def test_brackets_inside_text_are_no_depth(text: bytes) -> None:
    """Also where the text is broken: it is refused for that, not for its depth."""
    with pytest.raises(InvalidInput) as refusal:
        read_lifecycle(b'{"event": %s}' % text)
    assert "nested" not in str(refusal.value)
