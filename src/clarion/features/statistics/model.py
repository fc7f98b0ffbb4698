"""What is counted. Pure."""

from datetime import datetime
from typing import NamedTuple


class StatRow(NamedTuple):
    """`n` more of one outcome. `outcome` is sent, delivered, clicked, cancelled, `failed:<reason>` or
    `skipped:<reason>`.
    """

    account_id: int
    app_id: int
    send_id: int
    push_id: int
    country: str
    lang: str
    platform: str
    hour: datetime
    outcome: str
    n: int


def hour_of(moment: datetime) -> datetime:
    """The beginning of the hour that `moment` lies in."""
    return moment.replace(minute=0, second=0, microsecond=0)
