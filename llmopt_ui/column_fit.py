"""How wide the columns of a table are and how tall its rows, so that no cell is cut where a page has room for it."""

from __future__ import annotations

import unicodedata
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate

PADDING = 18
"""Pixels beside the text of a cell, both sides together."""
ROW_HEIGHTS = {1: 35, 3: 67, 6: 127}
"""Pixels by lines of text. Streamlit wraps text only in rows above 64 pixels, which have room for three lines."""
_WORD = 100
"""Pixels up to which a column is as wide as its longest word; names without spaces are longer, and are broken."""
_SHORT = 90
"""Pixels up to which a text stays in one line."""
_FEW = 8
"""Of so many rows, one may have more text than there is room for."""
_LONGEST = 1200
"""Characters of a cell that are looked at; there is no room for more in any case."""
_PIXELS = {
    2.8: " ", 3.6: "',.:;ijl|", 3.7: "I", 4.4: "!()-[]f{}", 4.9: "/\\rt", 6.0: '"*?sz', 6.6: "cvxy",
    7.1: "#$+0123456789<=>^_~aegkFJLY", 7.8: "`bdhnopquESTVXZ", 8.3: "ABCKPR", 9.3: "&DGHNOQU", 10.2: "Mw",
    11.9: "%@Wm",
}  # fmt: skip
"""Widths of characters of the app's font at the size that tables have, rounded up."""
_WIDTH = {character: pixels for pixels, characters in _PIXELS.items() for character in characters}


@dataclass(frozen=True, slots=True)
class Column:
    """What a column shows.

    Attributes:
        header: Its name.
        texts: What stands in its cells.
        wraps: Whether its text goes on in a second line.
        least: Pixels that it has at least where there is room.
        beside: Pixels that a sign takes beside its name.
    """

    header: str
    texts: Sequence[str]
    wraps: bool = True
    least: int = 0
    beside: int = 0


@dataclass(frozen=True, slots=True)
class Fit:
    """Pixels of each column and of a row, and whether every cell is read whole."""

    widths: tuple[int, ...]
    row_height: int
    whole: bool


def fit_columns(columns: Sequence[Column], room: int, most: int = 6) -> Fit:
    """The lowest rows in which cells are whole, with columns that are together no wider than there is room for.

    A few rows with much more text than the others do not make all of them tall: those are not whole.

    Args:
        columns: From left to right.
        room: Pixels.
        most: Lines of text that a row has at most.
    """
    rows = max((len(column.texts) for column in columns), default=0)
    # One row in eight may be cut, none in tables shorter than that. A greater part would make all rows tall for a few
    # texts; a smaller one cuts more of what most rows hold.
    few = rows // _FEW
    for lines, height in ROW_HEIGHTS.items():
        needs = [_needed_width(column, _longest(column, 0), lines) for column in columns]
        if sum(needs) <= room:
            return Fit(_spread_room(columns, needs, room), height, True)
        # Nothing is cut in rows of one line: if the whole does not fit, taller rows are tried first.
        if lines == 1:
            continue
        # A column with fewer texts than rows has one that stands for all, such as a moment: that is never left out.
        usual = [_longest(column, few if len(column.texts) == rows else 0) for column in columns]
        least = [_least_width(column, texts) for column, texts in zip(columns, usual, strict=True)]
        needs = [_needed_width(column, texts, lines) for column, texts in zip(columns, usual, strict=True)]
        widths = _share_room(least, needs, room)
        # Counted with the widths that the columns get in the end, since narrow windows give less than is needed.
        cut = _count_cut_rows(columns, widths, lines)
        if cut <= few or lines >= most:
            break
    return Fit(widths, height, not cut)


def text_width(text: str) -> float:
    """Pixels that a text takes in one line of a table."""
    return sum(map(_pixels, text))


def lines_of(text: str, width: float) -> int:
    """Lines that a text takes in a column of this width between its paddings, broken as tables break it."""
    # Sums from the start, so that where a line ends is found by halving, not by adding characters again for each
    # line.
    ends = list(accumulate(map(_pixels, text), initial=0.0))
    start = count = 0
    while start < len(text):
        end = bisect_right(ends, ends[start] + width) - 1
        count += 1
        if end >= len(text):
            break
        space = text.rfind(" ", start, end + 1)
        # At the last space; a word longer than the line is broken in it, by one character at least or this never
        # ends.
        start = space + 1 if space > start else max(end, start + 1)
    return count


def _longest(column: Column, without: int) -> list[str]:
    """The texts that decide: those with the most characters, without the first of them, and with the longest word."""
    texts = sorted((text[:_LONGEST] for text in column.texts if text), key=len, reverse=True)[without:]
    # A dozen are measured, not thousands: pixels follow characters closely enough that the widest is among them. A
    # long word may hide in a short text, so two of those come along.
    return list(dict.fromkeys([*texts[:12], *sorted(texts, key=_longest_word, reverse=True)[:2]]))


def _count_cut_rows(columns: Sequence[Column], widths: Sequence[int], lines: int) -> int:
    """How many rows have a cell with more lines than there is room for."""
    cut: set[int] = set()
    for column, width in zip(columns, widths, strict=True):
        room = width - PADDING
        cut |= {
            row for row, text in enumerate(column.texts)
            if text_width(text) > room and (not column.wraps or lines_of(text, room) > lines)
        }  # fmt: skip
    return len(cut)


def _spread_room(columns: Sequence[Column], widths: Sequence[int], room: int) -> tuple[int, ...]:
    """Give what is left to columns that get by with one line then, those first that lack least."""
    result, left = list(widths), room - sum(widths)
    whole = [max(column.least, _needed_width(column, _longest(column, 0), 1)) for column in columns]
    # Those that lack least first: as many columns as possible come to one line.
    for place in sorted(range(len(columns)), key=lambda one: whole[one] - widths[one]):
        more = min(left, max(0, whole[place] - result[place]))
        result[place] += more
        left -= more
    return tuple(result)


def _needed_width(column: Column, texts: Sequence[str], lines: int) -> int:
    if lines == 1 or not column.wraps:
        least = 0 if column.wraps else column.least
        return max(_header(column), least, *(int(text_width(text)) + 1 + PADDING for text in texts))
    floor = _least_width(column, texts)
    return max(floor, *(_narrowest(text, lines, floor - PADDING) + PADDING for text in texts), 0)


def _least_width(column: Column, texts: Sequence[str]) -> int:
    if not column.wraps:
        return _needed_width(column, texts, 1)
    words = (max(_longest_word(text), min(_SHORT, text_width(text))) for text in texts)
    return max(_header(column), 0, *(int(min(_WORD, word)) + 1 + PADDING for word in words))


def _header(column: Column) -> int:
    return int(text_width(column.header)) + 1 + PADDING + column.beside


@lru_cache(maxsize=4096)
def _narrowest(text: str, lines: int, least: int) -> int:
    """The fewest pixels in which a text takes no more lines."""
    # Halving works since a wider column never needs more lines.
    low, high = least, max(least, int(text_width(text)) + 1)
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if lines_of(text, middle) <= lines else (middle + 1, high)
    return low


def _longest_word(text: str) -> float:
    return max(map(text_width, text.split()), default=0.0)


def _share_room(least: Sequence[int], widths: Sequence[int], room: int) -> tuple[int, ...]:
    left = room - sum(least)
    if left < 0:
        # Even the least is too much for this window: all give up the same share, so that none falls out of the frame.
        return tuple(int(each * room / sum(least)) for each in least)
    lacking = [max(0, more - each) for each, more in zip(least, widths, strict=True)]
    # What is left goes to each by what it lacks. Rounded down, or the sum would be wider than the room.
    return tuple(each + int(left * lack / max(1, sum(lacking))) for each, lack in zip(least, lacking, strict=True))


@lru_cache(maxsize=4096)
def _pixels(character: str) -> float:
    if character in _WIDTH:
        return _WIDTH[character]
    # Accents stand on their letter and joiners are not seen: neither takes room.
    if unicodedata.combining(character) or unicodedata.category(character) == "Cf":
        return 0.0
    # Chinese, Japanese and full-width signs fill a square; all other letters are taken for broad ones, since a column
    # that is too wide does less harm than a cell that is cut.
    return 14.0 if unicodedata.east_asian_width(character) in "WF" else 8.6
