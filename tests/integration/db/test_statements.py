"""Statements that are put together, carried out."""

import pytest

from clarion.db import Database
from clarion.db.statements import Statement

pytestmark = pytest.mark.anyio


async def test_statements_side_by_side_are_carried_out_in_their_order(database: Database) -> None:
    """So that transactions which do the same step by step lock rows in the same order."""
    async with database.transaction() as conn:
        await conn.execute("create temporary sequence turn")
        await conn.execute("create temporary table done (name text, turn bigint default nextval('turn'))")
        first, second, third = (Statement(f"insert into done select :{name}::text") for name in ("a", "b", "c"))
        await first.beside(second, third).execute(conn, a="first", b="second", c="third")
        rows = await conn.fetch("select name from done order by turn")
    assert [row["name"] for row in rows] == ["first", "second", "third"]
