"""What may be claimed, and how evenly it is shared out."""

from datetime import date

from clarion.features.deliveries.claiming import DueGroup, Wanted, of_lanes, share_out, wanted_of

DAY = date(2026, 3, 1)


def group(account: int, app: int, send: int = 1, **flags: bool) -> DueGroup:
    held = {"usable": True, "ends": False, "ages": False} | flags
    return DueGroup(DAY, send, app, "fcm", account, **held)


def shares(wanted: list[Wanted], limit: int) -> dict[tuple[int, int, int], int]:
    return {
        (share.wanted.group.account_id, share.wanted.group.app_id, share.wanted.group.send_id): share.count
        for share in share_out(wanted, limit)
    }


def test_an_account_with_many_credentials_and_sends_gets_no_more_than_another() -> None:
    many = [group(1, app, send) for app in range(10, 15) for send in range(100, 104)]
    found = shares(wanted_of([*many, group(2, 20)]), 500)
    assert found.pop((2, 20, 1)) == 250
    assert sum(found.values()) == 250
    assert [sum(n for (_, app, _), n in found.items() if app == each) for each in range(10, 15)] == [50] * 5


def test_nothing_is_shared_out_beyond_the_limit_and_the_oldest_come_first() -> None:
    wanted = wanted_of([group(1, app) for app in range(10, 20)])
    assert shares(wanted, 3) == {(1, 10, 1): 1, (1, 11, 1): 1, (1, 12, 1): 1}
    assert sum(shares(wanted, 104).values()) == 104
    assert share_out([], 500) == []


def test_closed_lanes_are_left_out() -> None:
    assert wanted_of([group(1, 10), group(1, 11)], closed={(10, "fcm")}) == [Wanted(group(1, 11))]
    assert wanted_of([group(1, 10, usable=False)]) == []


def test_what_must_end_is_taken_out_of_closed_lanes_but_not_again_and_again() -> None:
    ending, aged = group(1, 10, usable=False, ends=True), group(1, 10, 2, ages=True)
    lane = {(10, "fcm")}
    assert wanted_of([ending, aged], closed=lane) == [Wanted(ending), Wanted(aged, only_aged=True)]
    assert wanted_of([ending, aged], closed=lane, crowded=lane) == []
    assert wanted_of([aged]) == [Wanted(aged)]  # whoever may go is looked at whole: what is too old ends on the way


def test_accounts_take_turns_for_lanes() -> None:
    wanted = wanted_of([group(1, 10), group(1, 11), group(1, 12), group(1, 10, 2), group(2, 20)])
    assert [item.group[1:3] for item in of_lanes(wanted, 2)] == [(1, 10), (2, 10), (1, 20)]
    assert len({item.group.lane for item in of_lanes(wanted, 3)}) == 3
