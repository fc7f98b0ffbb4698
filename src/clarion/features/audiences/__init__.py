"""Audiences: who a sending is for. Owns the filter, its rules, and the one compiler that turns it into SQL; audience
groups, saved filters, and the counts of reachable devices that answer estimates.

Dispatch, estimate, the devices query and auto-push all use this compiler, so that they always agree.
"""

from clarion.features.audiences.model import Estimate, Filter, ManagementFilter, filter_of, management_fields
from clarion.features.audiences.service import AudienceService, EventBits

__all__ = [
    "AudienceService",
    "Estimate",
    "EventBits",
    "Filter",
    "ManagementFilter",
    "filter_of",
    "management_fields",
]
