"""Statistics: counts by account, app, send, push, country, language, platform, hour and outcome.

Owns table `stat_hour`. Counts are folded in the transactions that cause them, so they always equal the rows.
"""

from clarion.features.statistics.model import StatRow
from clarion.features.statistics.reading import Counts, Dimension, Group, StatisticsQuery, period_of
from clarion.features.statistics.service import StatisticsService

__all__ = [
    "Counts",
    "Dimension",
    "Group",
    "StatRow",
    "StatisticsQuery",
    "StatisticsService",
    "period_of",
]
