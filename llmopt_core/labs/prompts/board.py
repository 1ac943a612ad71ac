"""What a running comparison shows: filled by a worker thread, read by whoever looks."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Literal

from llmopt_core.execution.progress import Progress
from llmopt_core.types import Record

Place = tuple[int, int, int]
"""Column, row and repeat of one answer, from 0."""

State = Literal["waiting", "running", "done", "failed", "cancelled", "not run"]


@dataclass(frozen=True, slots=True)
class Live:
    """One answer as it stands.

    Attributes:
        text: What has arrived of it.
        record: Set once it is done or failed.
        first_text_at: When its first text arrived, in seconds since 1970.
    """

    state: State = "waiting"
    text: str = ""
    record: Record | None = None
    first_text_at: float | None = None


def state_of(record: Record) -> State:
    """How an answer that is no longer worked on ended."""
    if record.failure is None:
        return "not run" if record.not_run else "done"
    return "cancelled" if record.failure.kind == "cancelled" else "failed"


class Board:
    """The answers of one comparison. Safe to use from any thread.

    Places are taken in the order in which they were added; more may be added until the board is closed. It has ended
    when all is stored, too. Who waits for changes is woken by those in the rows that somebody looks at: to be woken by
    each of many answers that nobody sees would take the processor from the calls.
    """

    def __init__(self) -> None:
        self._condition = threading.Condition()
        # `_wake_version`: the version that watchers were last woken at.
        self._version = self._wake_version = 0
        self._cells: dict[Place, Live] = {}
        # By place the version of its last change, so that a viewer asks only for what is new to it.
        self._change_versions: dict[Place, int] = {}
        # In the order of coming. No search through them, however many there are: workers wait for the lock meanwhile.
        self._waiting: OrderedDict[Place, None] = OrderedDict()
        self._rows_by_viewer: dict[str, frozenset[int]] = {}
        self._is_closed = False
        self._has_ended = False

    def add(self, places: Iterable[Place]) -> bool:
        """Put places in line; false where the board is closed and nobody would take them."""
        with self._condition:
            if self._is_closed:
                return False
            for place in places:
                # Asked again while it waits, it must not be answered twice.
                if place not in self._waiting:
                    self._waiting[place] = None
                    self._put(place, Live())
            return True

    def take_cells(self) -> Iterator[Place]:
        """Take places until none is left."""
        while True:
            with self._condition:
                if not self._waiting:
                    return
                place, _ = self._waiting.popitem(last=False)
                # Under the lock: two workers never take the same place.
                self._put(place, Live("running"))
            # Outside of it: the caller works for seconds before it asks for the next.
            yield place

    def look_at(self, viewer: str, rows: Iterable[int]) -> None:
        """Say which rows somebody has on the screen: their answers are streamed, others come whole."""
        with self._condition:
            self._rows_by_viewer[viewer] = frozenset(rows)

    def is_watched(self, row: int) -> bool:
        """Whether somebody looks at this row."""
        with self._condition:
            return self._is_watched(row)

    def add_piece(self, place: Place, text: str) -> None:
        """A piece of an answer has arrived."""
        with self._condition:
            cell = self._cells[place]
            first = cell.first_text_at or time.time()
            self._put(place, replace(cell, text=cell.text + text, first_text_at=first))

    def finish(self, place: Place, record: Record) -> Record:
        """An answer is whole, or has failed or been stopped; gives the record back."""
        with self._condition:
            cell = self._cells[place]
            # The whole text in place of the pieces: a stream may lack an end, or have been cleaned.
            text = record.answer.text if record.answer is not None else cell.text
            self._put(place, replace(cell, state=state_of(record), text=text, record=record))
        return record

    def drop(self, place: Place) -> None:
        """Take out what was begun but not answered."""
        with self._condition:
            self._put(place, Live("cancelled"))

    def drop_waiting(self) -> None:
        """Take out of line what nobody has begun."""
        with self._condition:
            for place in self._waiting:
                self._put(place, Live("cancelled"))
            self._waiting.clear()

    def try_close(self) -> bool:
        """Close the board unless something still waits in line."""
        with self._condition:
            # Closed only while nothing waits, in one step: a place that is added now is answered, or refused.
            self._is_closed = not self._waiting
            return self._is_closed

    def end(self) -> None:
        """Nothing changes any more, whatever waits."""
        self.drop_waiting()  # Takes the lock itself.
        with self._condition:
            self._is_closed = self._has_ended = True
            # A last version, so that every viewer wakes and sees the end.
            self._version += 1
            self._tell()

    def progress(self, start: float) -> Progress:
        """How many answers have ended, of how many, how many of them the cache gave; by a monotonic clock."""
        with self._condition:
            ended_cells = [cell for cell in self._cells.values() if cell.state not in ("waiting", "running")]
            total = len(self._cells)
        # Without a call of either kind it failed, which took its time, too.
        usages = [cell.record.usage for cell in ended_cells if cell.record is not None]
        cached_count = sum(usage.cached_calls > 0 and not usage.calls for usage in usages)
        return Progress(total, len(ended_cells), cached_count, started_at=start)

    @property
    def has_ended(self) -> bool:
        """Whether the work has ended and is stored."""
        with self._condition:
            return self._has_ended

    def cell(self, place: Place) -> Live:
        """One answer."""
        with self._condition:
            # A place that nobody has put in line waits.
            return self._cells.get(place, Live())

    def cells(self) -> dict[Place, Live]:
        """All answers."""
        with self._condition:
            return dict(self._cells)

    def changes(self, since: int, timeout: float) -> tuple[int, list[Place]]:
        """The places that changed after version `since`; all, but only changes in watched rows are waited for.

        Args:
            since: What the last call gave; 0 at first.
            timeout: Seconds to wait at most where no watched row has changed.
        """
        with self._condition:
            # Nothing that this viewer has not been woken for: it sleeps, and the lock is free meanwhile.
            if self._wake_version <= since and not self._has_ended:
                self._condition.wait(timeout)
            return self._version, [place for place, version in self._change_versions.items() if version > since]

    def _put(self, place: Place, cell: Live) -> None:
        self._cells[place] = cell
        self._version += 1
        self._change_versions[place] = self._version
        if self._is_watched(place[1]):
            self._tell()

    def _is_watched(self, row: int) -> bool:
        return any(row in rows for rows in self._rows_by_viewer.values())

    def _tell(self) -> None:
        self._wake_version = self._version
        self._condition.notify_all()
