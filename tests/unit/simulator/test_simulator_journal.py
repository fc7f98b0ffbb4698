"""The journal counts exactly, stays compact, and its file outlives its writer."""

import asyncio
import sys
from pathlib import Path

import pytest

from clarion.simulator.journal import Journal, Kind, read_journal

ACCEPTED = Kind("fcm", "send", "project-a", 200, "accepted", accepted=True)
DEAD = Kind("fcm", "send", "project-b", 404, "UNREGISTERED", accepted=False)
TOKEN_CALL = Kind("fcm", "token", "", 200, "token", accepted=False)


def add(journal: Journal, kind: Kind, token: str, message_id: str = "m", *, body: bytes = b"{}") -> None:
    journal.append(kind, token, message_id, time=1.5, body=body, connection=3)


def test_entries_come_back_as_they_were_added() -> None:
    journal = Journal()
    add(journal, ACCEPTED, "tökén-🙂", "1")
    add(journal, DEAD, "", "")
    add(journal, ACCEPTED, "c", "")
    first, second, third = journal.entries()
    assert (first.number, first.token, first.message_id, first.time, first.connection) == (1, "tökén-🙂", "1", 1.5, 3)
    assert (second.token, second.message_id, second.status, second.accepted) == ("", "", 404, False)
    assert (third.number, third.token, third.message_id) == (3, "c", "")


def test_entries_are_paged() -> None:
    journal = Journal()
    for number in range(5):
        add(journal, ACCEPTED, str(number))
    assert [entry.number for entry in journal.entries(after=1, limit=2)] == [2, 3]
    assert list(journal.entries(after=9)) == []


def test_equal_bodies_have_equal_digests_and_others_differ() -> None:
    journal = Journal()
    for body in (b"a", b"a", b"b"):
        add(journal, ACCEPTED, "t", body=body)
    one, two, three = (entry.digest for entry in journal.entries())
    assert one == two != three


def test_counts_are_scoped() -> None:
    journal = Journal()
    for kind in (ACCEPTED, ACCEPTED, DEAD, TOKEN_CALL):
        add(journal, kind, "t")
    assert journal.counts() == {"accepted": 2, "UNREGISTERED": 1}
    assert journal.counts(project="project-b") == {"UNREGISTERED": 1}
    assert journal.counts(endpoint="token") == {"token": 1}
    assert journal.counts(provider="apns") == {}
    assert journal.accepted == 2


def test_duplicates_are_repeated_handovers_of_one_message_to_one_token() -> None:
    journal = Journal()
    for kind, token, message_id in (
        (ACCEPTED, "a", "1"),
        (ACCEPTED, "a", "1"),
        (ACCEPTED, "a", "2"),
        (ACCEPTED, "b", "1"),
        (DEAD, "b", "1"),
    ):
        add(journal, kind, token, message_id)
    assert journal.duplicates() == {("a", "1"): 2}
    assert journal.accepted_per_token() == {"a": 3, "b": 1}


def test_a_committed_batch_is_in_the_file_and_an_unfinished_line_is_left_out(tmp_path: Path) -> None:
    file = tmp_path / "journal.jsonl"
    journal = Journal(file)
    add(journal, ACCEPTED, "a", "1")
    add(journal, DEAD, "b", "2")
    assert list(read_journal(file)) == []
    journal.commit()
    with file.open("ab") as other:
        other.write(b'{"number":3,"ti')
    assert list(read_journal(file)) == list(journal.entries())
    journal.close()


def test_reset_empties_memory_and_file(tmp_path: Path) -> None:
    file = tmp_path / "journal.jsonl"
    journal = Journal(file)
    add(journal, ACCEPTED, "a")
    journal.commit()
    journal.reset()
    add(journal, ACCEPTED, "b")
    journal.close()
    assert [entry.token for entry in read_journal(file)] == ["b"]
    assert journal.accepted_per_token() == {"b": 1}


def test_entries_cost_little_memory() -> None:
    journal = Journal()
    for number in range(20_000):
        add(journal, ACCEPTED, f"token-{number:034}", f"{number:040}")
    held = sum(sys.getsizeof(column) for column in vars(journal).values())
    assert held / 20_000 < 160


@pytest.mark.anyio
@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_followers_see_old_entries_and_each_new_one() -> None:
    journal = Journal()
    add(journal, ACCEPTED, "old")
    seen: list[str] = []

    async def follow() -> None:
        async for entry in journal.follow():
            seen.append(entry.token)
            if entry.token == "last":
                return

    following = asyncio.create_task(follow())
    await asyncio.sleep(0)
    add(journal, ACCEPTED, "new")
    journal.commit()
    add(journal, ACCEPTED, "last")
    journal.commit()
    async with asyncio.timeout(5):
        await following
    assert seen == ["old", "new", "last"]
