"""Statistics: counts by account, app, send, push, country, language, platform, hour and outcome.

Owns table `stat_hour`. Counts are folded in the transactions that cause them, so they always equal the rows.
"""

from clarion.features.statistics.model import StatRow
from clarion.features.statistics.service import StatisticsService

__all__ = ["StatRow", "StatisticsService"]
