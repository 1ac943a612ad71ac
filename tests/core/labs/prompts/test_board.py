"""What a running comparison shows to those who look at it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from llmopt_core.labs.prompts.board import Board
from llmopt_core.types import Answer, Example, Failure, Record, Usage


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Seconds that the board was willing to wait, each time it had to."""
    matches: list[float] = []
    monkeypatch.setattr("threading.Condition.wait", lambda self, seconds=None: matches.append(seconds))
    return matches


def test_only_changes_in_rows_on_a_screen_wake_who_waits_and_all_are_told(waits: list[float]) -> None:
    board = Board()
    board.add([(0, 0, 0), (0, 7, 0)])
    board.look_at("somebody", [0])
    version, _ = board.changes(0, 1.0)
    waits.clear()

    board.add_piece((0, 7, 0), "far below")
    version, places = board.changes(version, 9.0)
    assert (waits, places) == ([9.0], [(0, 7, 0)])

    board.add_piece((0, 7, 0), " still")
    board.add_piece((0, 0, 0), "in sight")
    version, places = board.changes(version, 9.0)
    assert (waits, set(places)) == ([9.0], {(0, 7, 0), (0, 0, 0)})

    assert board.changes(version, 9.0)[1] == []
    assert waits == [9.0, 9.0]


def test_the_end_wakes_whoever_looks(waits: list[float]) -> None:
    board = Board()
    board.add([(0, 0, 0)])
    version, _ = board.changes(0, 0.0)
    waits.clear()
    board.end()
    assert board.changes(version, 9.0)[1] == [(0, 0, 0)]
    assert (waits, board.has_ended) == ([], True)


def test_asked_again_while_it_waits_a_place_is_taken_once_in_its_order() -> None:
    board = Board()
    board.add([(0, 1, 0), (0, 0, 0)])
    board.add([(0, 0, 0), (0, 2, 0), (0, 1, 0)])
    taken = board.take_cells()
    assert [next(taken), next(taken)] == [(0, 1, 0), (0, 0, 0)]
    board.add([(0, 1, 0)])
    assert list(taken) == [(0, 2, 0), (0, 1, 0)]


def test_many_places_are_not_compared_with_each_other() -> None:
    compared: list[object] = []

    class Counted(tuple[int, int, int]):
        __slots__ = ()
        __hash__ = tuple.__hash__

        def __eq__(self, other: object) -> bool:
            compared.append(other)
            return tuple.__eq__(self, other)

    board = Board()
    board.add(Counted((0, row, 0)) for row in range(400))
    assert len(list(board.take_cells())) == 400
    assert len(compared) < 4_000


def test_the_time_left_goes_by_the_answers_that_took_a_call() -> None:
    board = Board()
    board.add((0, row, 0) for row in range(4))
    for row, usage in enumerate([Usage(cached_calls=1), Usage(calls=1)]):
        board.finish((0, row, 0), Record(Example(f"q{row}", "?"), Answer("yes"), usage=usage))
        now = replace(board.progress(start=0.0), now=6.0)
        assert (now.done, now.total, now.cached) == (row + 1, 4, 1)
        assert now.remaining_seconds() == (12.0 if usage.calls else None)
    failure = Failure("answer", "timeout", "too slow")
    board.finish((0, 2, 0), Record(Example("q2", "?"), failure=failure))
    assert board.progress(start=0.0).cached == 1
