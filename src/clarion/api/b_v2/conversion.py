"""Creating auto-pushes (management-api.md §7.3). They are read and bound like every scheduler."""

from litestar import post
from litestar.di import NamedDependency
from litestar.params import JSONBody

from clarion.api.auth import CurrentCaller
from clarion.api.b_v2.shapes import Created
from clarion.features.schedulers.conversion import ConversionBody
from clarion.features.schedulers.conversion_service import ConversionService


@post("/sched/conversion", status_code=201, summary="Create an auto-push", tags=["schedulers"])
async def create_conversion(
    data: JSONBody[ConversionBody], caller: CurrentCaller, conversions: NamedDependency[ConversionService]
) -> Created:
    """The id of the new scheduler. From now on each event in `event_include` sends one of the bound pushes to its
    device after `delay`; the filter and `event_exclude` are asked at that moment.
    """
    return Created(await conversions.create(caller, data))
