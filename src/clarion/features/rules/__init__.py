"""Rules that protect people and back ends: quiet hours, frequency caps, gaps, pacing, cut-off and time to live.

Owns column `rules` of accounts, apps and schedulers, and tables `contact` and `pace_course`.
"""

from clarion.features.rules.limits import HeldBy, Level
from clarion.features.rules.model import Effective, Rules, SendRules, checked, merged, read, stored

__all__ = ["Effective", "HeldBy", "Level", "Rules", "SendRules", "checked", "merged", "read", "stored"]
