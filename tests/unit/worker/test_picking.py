"""Which push a device gets where several are sent side by side."""

from collections import Counter

import pytest

from clarion.features.pushes import PushContent
from clarion.foundation.ids import new_device_id
from clarion.worker.picking import by_share

DEVICES = 20_000


def pushes(*ids: int) -> list[PushContent]:
    return [PushContent(push_id, "en", True, {}) for push_id in ids]


def counted(shares: dict[int, int], *, seed: int, device_ids: list[int]) -> Counter[int]:
    pick = by_share(pushes(*shares), shares, seed=seed)
    return Counter(pick(device_id).id for device_id in device_ids)


@pytest.mark.parametrize("shares", [{1: 1, 2: 1}, {1: 30, 2: 70}, {1: 1, 2: 2, 3: 7}, {5: 999, 6: 1}])
def test_devices_are_split_by_the_shares(shares: dict[int, int]) -> None:
    found = counted(shares, seed=71, device_ids=[new_device_id() for _ in range(DEVICES)])
    for push_id, share in shares.items():
        expected = DEVICES * share / sum(shares.values())
        assert abs(found[push_id] - expected) < 5 * (expected + 1) ** 0.5


def test_a_device_draws_the_same_push_every_time_and_another_sending_draws_anew() -> None:
    devices = list(range(1, 2001))  # neighbours, which must not go together either
    first, again, other = (
        [by_share(pushes(1, 2), {}, seed=seed)(device).id for device in devices] for seed in (71, 71, 72)
    )
    assert first == again
    assert 800 < sum(one == two for one, two in zip(first, other, strict=True)) < 1200
    assert 800 < sum(first) - 2000 < 1200


def test_a_push_that_was_taken_out_leaves_its_devices_to_the_others() -> None:
    shares = {1: 50, 2: 25, 3: 25}
    pick = by_share(pushes(2, 3), shares, seed=1)
    assert {pick(device_id).id for device_id in range(1, 100)} == {2, 3}
    assert by_share(pushes(9), shares, seed=1)(5).id == 9
