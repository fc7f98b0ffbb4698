"""Rules that protect people and back ends: those of the account, and those of an app.

A scheduler's are part of the scheduler. Which of them wins is told in docs/explanation/order-of-rules.md.
"""

from litestar import get, put
from litestar.di import NamedDependency
from litestar.params import JSONBody

from clarion.api.auth import CurrentCaller
from clarion.api.binding import PathId
from clarion.features.rules import Rules
from clarion.features.rules.service import RuleService

RuleUseCases = NamedDependency[RuleService]


@get("/rules", summary="Show the account's rules", tags=["rules"])
async def show_rules(caller: CurrentCaller, rules: RuleUseCases) -> Rules:
    """What holds for all messages of the account, unless an app or a scheduler says otherwise. `{}` = nothing."""
    return await rules.of_account(caller.account_id)


@put("/rules", status_code=204, summary="Replace the account's rules", tags=["rules"])
async def replace_rules(data: JSONBody[Rules], caller: CurrentCaller, rules: RuleUseCases) -> None:
    """All of them: what is absent is not ruled any more. Running sends go by the new ones within a second."""
    await rules.set_account(caller, data)


@get("/apps/{app_id:str}/rules", summary="Show an app's rules", tags=["rules"])
async def show_app_rules(app_id: PathId, caller: CurrentCaller, rules: RuleUseCases) -> Rules:
    """What holds for messages to the app's devices besides the account's rules."""
    return await rules.of_app(caller.account_id, app_id)


@put("/apps/{app_id:str}/rules", status_code=204, summary="Replace an app's rules", tags=["rules"])
async def replace_app_rules(app_id: PathId, data: JSONBody[Rules], caller: CurrentCaller, rules: RuleUseCases) -> None:
    """All of them: what is absent is not ruled any more. Running sends go by the new ones within a second."""
    await rules.set_app(caller, app_id, data)
