"""Sends: one occurrence of a scheduler, cut into slices that workers lease.

Owns tables `send` and `slice`. States: docs/explanation/delivery-lifecycle.md.
"""

from clarion.features.sends.model import LeasedSlice, SendPlan
from clarion.features.sends.service import SendService

__all__ = ["LeasedSlice", "SendPlan", "SendService"]
