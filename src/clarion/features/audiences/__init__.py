"""Audiences: who a sending is for. Owns the filter, its rules, and the one compiler that turns it into SQL.

Dispatch, estimate, the devices query and auto-push all use this compiler, so that they always agree.
"""

from clarion.features.audiences.model import Estimate, Filter
from clarion.features.audiences.service import AudienceService, EventBits

__all__ = ["AudienceService", "Estimate", "EventBits", "Filter"]
