"""CSV that a spreadsheet opens without running anything."""

import csv
import io

import pytest

from clarion.api.v1.csv_text import csv_text


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1"])
def test_what_could_be_a_formula_gets_an_apostrophe(text: str) -> None:
    [[cell]] = list(csv.reader(io.StringIO(csv_text(["a"], [[text]]), newline="")))[1:]
    assert cell == f"'{text}"


def test_numbers_and_plain_texts_stay_as_they_are() -> None:
    assert csv_text(["a", "b", "c", "d"], [[-1, 0.5, "a=b", None]]) == "a,b,c,d\r\n-1,0.5,a=b,\r\n"


def test_commas_quotes_and_lines_stay_inside_their_cell() -> None:
    text = 'a,"b"\nc'
    assert list(csv.reader(io.StringIO(csv_text(["x"], [[text]]), newline="")))[1:] == [[text]]
