"""Who may claim how much of what waits: fair between accounts, then their credentials, then sends."""

from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import zip_longest
from typing import NamedTuple

LaneKey = tuple[int, str]
"""(app, provider)."""


class DueGroup(NamedTuple):
    """Waiting deliveries of one send, app and provider, of which the first is due."""

    day: date
    send_id: int
    app_id: int
    provider: str
    account_id: int
    usable: bool
    """Nothing that the database knows holds them back."""
    ends: bool
    """All of them must end without another attempt, whatever holds them back."""
    ages: bool
    """So must those that are older than messages of their send may become."""

    @property
    def lane(self) -> LaneKey:
        """Which credential they go by."""
        return self.app_id, self.provider


@dataclass(frozen=True, slots=True)
class Wanted:
    """A group of which something is to be claimed."""

    group: DueGroup
    only_aged: bool = False
    """Only what is too old."""


@dataclass(frozen=True, slots=True)
class Share:
    """How many deliveries of a group are claimed at most."""

    wanted: Wanted
    count: int


def wanted_of(
    groups: Sequence[DueGroup], *, closed: Collection[LaneKey] = (), crowded: Collection[LaneKey] = ()
) -> list[Wanted]:
    """What may be claimed. Nothing goes by `closed` lanes; what must end is taken out all the same, unless its lane is
    `crowded`."""
    found = []
    for group in groups:
        opens = group.usable and group.lane not in closed
        if opens or (group.ends and group.lane not in crowded):
            found.append(Wanted(group))
        elif group.ages and group.lane not in crowded:
            found.append(Wanted(group, only_aged=True))
    return found


def of_lanes(wanted: Sequence[Wanted], most: int) -> list[Wanted]:
    """Those of so many lanes at most, accounts taking turns; earlier ones first."""
    by_account: defaultdict[int, dict[LaneKey, None]] = defaultdict(dict)
    for item in wanted:
        by_account[item.group.account_id][item.group.lane] = None
    turns = [lane for turn in zip_longest(*by_account.values()) for lane in turn if lane is not None]
    chosen = set(turns[:most])
    return [item for item in wanted if item.group.lane in chosen]


def share_out(wanted: Sequence[Wanted], limit: int) -> list[Share]:
    """Equal parts of `limit` for accounts, then for their lanes, then for sends; those without a part are left out."""
    tree: defaultdict[int, defaultdict[LaneKey, list[Wanted]]] = defaultdict(lambda: defaultdict(list))
    for item in wanted:
        tree[item.group.account_id][item.group.lane].append(item)
    return [
        Share(item, count)
        for lanes, of_account in zip(tree.values(), _parts(limit, len(tree)), strict=True)
        for items, of_lane in zip(lanes.values(), _parts(of_account, len(lanes)), strict=True)
        for item, count in zip(items, _parts(of_lane, len(items)), strict=True)
        if count
    ]


def _parts(total: int, number: int) -> Iterator[int]:
    """So many parts, as equal as whole numbers can be; the first ones are the larger."""
    return (total // number + (position < total % number) for position in range(number))
