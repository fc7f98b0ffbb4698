"""Schedulers told with the number of a saved filter get a copy of it."""

from typing import TypeVar

import msgspec
from litestar.di import NamedDependency

from clarion.features.accounts import Caller
from clarion.features.audiences.saved import SavedFilterService
from clarion.features.schedulers.body import NO_FILTER, SchedulerBody, SchedulerEdit, SchedulerPatch
from clarion.foundation.errors import InvalidInput

SavedFilters = NamedDependency[SavedFilterService]

_Told = TypeVar("_Told", SchedulerBody, SchedulerEdit, SchedulerPatch)


async def with_filter(told: _Told, caller: Caller, saved_filters: SavedFilterService) -> _Told:
    """The body with a copy of the saved filter that it names, if it names one.

    `InvalidInput` when it brings a filter of its own, too; `UnknownReference` when there is no such saved filter.
    """
    if told.filter_id is None:
        return told
    if told.filter not in (msgspec.UNSET, NO_FILTER):
        raise InvalidInput("give either filter or filter_id")
    copy = await saved_filters.copy_of(caller.account_id, told.filter_id)
    return msgspec.structs.replace(told, filter=copy, filter_id=None)
