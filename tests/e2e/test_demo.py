"""`clarion demo --once`: a real push through all parts, with every message accounted for.

What the console shows of it is in tests/browser/console/test_demonstration.py.
"""

import re

from tests.e2e.conftest import Clarion

ONCE = ("demo", "--once", "--port", "0", "--data-dir", "clarion-data")


def test_every_message_of_the_demonstration_is_accounted_for(clarion: Clarion) -> None:
    done = clarion.run(*ONCE)
    assert done.returncode == 0, done.stderr
    assert done.stdout == ""
    rows = re.findall(r"│ (\w+) +│ ([\w.]+) +│ +(\d+) │ +(\d+) │ +(\d+) │ +(\d+) │ +(\d+) │", done.stderr)
    assert {row[1] for row in rows} == {"fcm", "fcm.data", "apns", "webpush", "onesignal", "huawei"}
    for _, transport, devices, sent, failed, delivered, clicked in rows:
        assert int(sent) + int(failed) == int(devices), transport
        assert int(delivered) == int(sent) > 0, transport
        assert 0 < int(clicked) < int(delivered), transport
    assert "API key" in done.stderr


def test_the_demonstration_reports_that_it_failed(clarion: Clarion) -> None:
    clarion.environment |= {"CLARION_API_RATE_PER_MIN": "1"}
    done = clarion.run(*ONCE)
    assert done.returncode == 1
    assert "the demonstration failed: " in done.stderr
    assert "429" in done.stderr
