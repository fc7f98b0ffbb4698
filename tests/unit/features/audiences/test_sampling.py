"""Samples of random ids: estimates are right on average, and margins hold as often as they promise."""

import random
from statistics import fmean
from typing import Any

import pytest

from clarion.features.audiences.estimating import _Looked
from clarion.foundation.ids import DEVICE_ID_BITS

DEVICES, SEEN, TRIALS = 4_000, 400, 200


def _looked(chance: random.Random, *, base: float, part: float) -> tuple[_Looked, int, int]:
    """A sample of an app, how many devices meet the base in the whole app, and how many of those match."""
    ids = sorted(chance.getrandbits(DEVICE_ID_BITS) for _ in range(DEVICES))
    meets = [chance.random() < base for _ in ids]
    match = [met and chance.random() < part for met in meets]
    rows: list[Any] = [
        {"seen": 1, "last_id": ids[place], "base": int(meets[place]), "matching": int(match[place])}
        for place in range(SEEN)
    ]
    looked = _Looked(1.0)
    looked.take(rows, SEEN)
    return looked, sum(meets), sum(match)


@pytest.mark.parametrize(
    ("base", "part", "counted"), [(0.9, 0.5, True), (0.9, 0.05, True), (0.1, 0.5, True), (0.9, 0.3, False)]
)
def test_margins_hold_in_95_of_100_cases(base: float, part: float, counted: bool) -> None:
    chance = random.Random(20_260_301)  # noqa: S311 - repeatable
    held, answers, truths = 0, [], []
    for _ in range(TRIALS):
        looked, meets, matches = _looked(chance, base=base, part=part)
        usual = looked.found("matching") / max(1, looked.found("base"))
        share = looked.share(meets if counted else None, usual)
        held += abs(share.devices - matches) <= 1.96 * share.variance**0.5
        answers.append(share.devices)
        truths.append(matches)
    assert fmean(answers) == pytest.approx(fmean(truths), rel=0.04)
    assert 0.9 < held / TRIALS < 1


def test_an_app_that_was_seen_whole_is_told_exactly() -> None:
    looked = _Looked(1.0)
    rows: list[Any] = [{"seen": 7, "last_id": 5, "base": 6, "matching": 3}]
    looked.take(rows, 8)
    assert looked.share(1_000)[:2] == (3, 0)


def test_of_an_app_without_any_sample_the_usual_part_is_assumed() -> None:
    looked = _Looked(1.0)
    rows: list[Any] = [{"seen": 20, "last_id": 5, "base": 0, "matching": 0}]
    looked.take(rows, 20)
    share = looked.share(1_000, 0.2)
    assert share.devices == pytest.approx(200)
    assert 1.96 * share.variance**0.5 > 100
