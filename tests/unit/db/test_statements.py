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
        "with beside_1 as (update b set n = :n), beside_2 as (delete from c where (d = :d)) insert into a select :x"
    )
    assert (both.names, both.bound) == (("n", "d", "x"), {"d": 1})
