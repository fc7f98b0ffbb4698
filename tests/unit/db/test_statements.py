"""Statements that are put together."""

from clarion.db import Conditions
from clarion.db.statements import Statement


def test_statements_side_by_side_are_one_with_the_parameters_of_all() -> None:
    main = Statement("insert into a select :x").where(Conditions())
    both = main.beside(
        Statement("update b set n = :n"),
        Statement("delete from c where {conditions}").where(Conditions("d = :d", {"d": 1})),
    )
    assert both.text == (
        "with beside_1 as (delete from c where (d = :d)), beside_2 as (update b set n = :n) insert into a select :x"
    )
    assert (both.names, both.bound) == (("d", "n", "x"), {"d": 1})
