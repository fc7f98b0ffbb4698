"""Deadlines without a timer for each message: what was counted up to some moment has had its time together."""

from collections import deque


class AgeMarks:
    """Remembers how far a growing count had come at past moments. One mark for each sweep, none for each message."""

    __slots__ = ("_marks",)

    def __init__(self) -> None:
        self._marks: deque[tuple[float, int]] = deque()

    def note(self, now: float, count: int) -> None:
        """The count stands at `count` at `now`."""
        if not self._marks or self._marks[-1][1] != count:
            self._marks.append((now, count))

    def older_than(self, moment: float) -> int:
        """The highest count noted at or before `moment`, 0 if none; the marks up to it are dropped."""
        count = 0
        while self._marks and self._marks[0][0] <= moment:
            count = self._marks.popleft()[1]
        return count
