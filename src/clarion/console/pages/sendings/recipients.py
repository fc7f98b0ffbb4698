"""Who got a sending, message by message; and its results as a file."""

from litestar import Response, get
from litestar.di import NamedDependency
from litestar.params import FromPath

from clarion.api.v1.csv_text import MEDIA_TYPE, csv_text
from clarion.console.pages.sendings.words import MESSAGE_STATES
from clarion.console.visit import CurrentVisit
from clarion.features.apps.service import AppService
from clarion.features.deliveries.seen import Position, StateWord
from clarion.features.deliveries.service import DeliveryService
from clarion.features.schedulers.service import SchedulerService
from clarion.features.sends.progress import ProgressService
from clarion.features.sends.results import Aspect, ResultsService
from clarion.foundation.errors import NotFound

PER_PAGE = 50
COLUMNS = (Aspect.HOUR, Aspect.PUSH, Aspect.LANGUAGE, Aspect.COUNTRY, Aspect.APP, Aspect.PLATFORM)
_COUNTS = ("sent", "delivered", "clicked", "failed", "skipped", "cancelled")


@get("/sendings/{scheduler_id:int}/recipients")
async def recipients(
    scheduler_id: FromPath[int],
    visit: CurrentVisit,
    schedulers: NamedDependency[SchedulerService],
    progress: NamedDependency[ProgressService],
    deliveries: NamedDependency[DeliveryService],
    apps: NamedDependency[AppService],
) -> Response[str]:
    """The messages of one of its sends, in pages, of one state or of all."""
    scheduler = await schedulers.get(visit.account_id, scheduler_id)
    sends = (await progress.page(visit.account_id, scheduler_id=scheduler_id, limit=50)).items
    chosen = next((send for send in sends if str(send.id) == visit.query("send")), sends[0] if sends else None)
    state = visit.query("state")
    page = None
    if chosen is not None:
        page = await deliveries.of_send(
            visit.account_id,
            chosen.id,
            state=StateWord(state) if state in set(StateWord) else None,
            after=_position(visit.query("after")),
            limit=PER_PAGE,
        )
    return visit.page(
        "sendings/recipients.html",
        scheduler=scheduler,
        sends=sends,
        chosen=chosen,
        page=page,
        words=MESSAGE_STATES,
        names={app.id: app.name for app in await apps.list(visit.account_id, archived=False)},
    )


@get("/sendings/{scheduler_id:int}/results.csv")
async def results_file(
    scheduler_id: FromPath[int],
    visit: CurrentVisit,
    schedulers: NamedDependency[SchedulerService],
    results: NamedDependency[ResultsService],
) -> Response[str]:
    """All splits of its results in one table."""
    scheduler = await schedulers.get(visit.account_id, scheduler_id)
    rows = []
    for aspect in COLUMNS:
        for key, counts in (await results.split(visit.account_id, scheduler.id, aspect)).items():
            rows.append((aspect, key, *(getattr(counts, name) for name in _COUNTS)))
    headers = {"Content-Disposition": f'attachment; filename="sending-{scheduler.id}.csv"'}
    return Response(csv_text(("by", "value", *_COUNTS), rows), media_type=MEDIA_TYPE, headers=headers)


def _position(text: str) -> Position | None:
    app, _, device = text.partition("-")
    if not text:
        return None
    if not all(part.isascii() and part.isdigit() and 0 < len(part) < 20 for part in (app, device)):
        raise NotFound("there is no such page")
    position = Position(int(app), int(device))
    if max(position.app_id, position.device_id) >= 2**63:
        raise NotFound("there is no such page")
    return position


ROUTES = [recipients, results_file]
