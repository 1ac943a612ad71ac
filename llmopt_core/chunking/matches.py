"""Where a separator stands in parts of a text."""

from __future__ import annotations

import sys

import numpy as np
import numpy.typing as npt

from llmopt_core.chunking.token_starts import Ints

# Long texts are searched in blocks, so that memory does not grow with the document.
_BLOCK = 4_000_000
# In the order of this machine, so that numpy reads the bytes as they are; named, because without it a BOM is put
# before.
_ORDER = "le" if sys.byteorder == "little" else "be"
_NONE: Ints = np.empty(0, np.int64)


def matches(text: str, separator: str, starts: Ints, ends: Ints) -> tuple[Ints, Ints]:
    """Places of a separator in the parts `text[start:end]`, and how many stand in each part.

    A part is searched from its start, and matches do not overlap. Parts are in order and do not overlap either.
    """
    # The usual first step: nothing has to be copied.
    whole = len(starts) == 1 and ends[0] - starts[0] == len(text)
    parts = [text] if whole else [text[a:b] for a, b in zip(starts.tolist(), ends.tolist(), strict=True)]
    borders = np.cumsum(ends - starts)
    # Parts stand in one text for the search, so that it is one pass of array operations, not one per part.
    places = _everywhere("".join(parts), separator)
    # `right`: a match at a border belongs to the part that begins there.
    owners = borders.searchsorted(places, "right")
    places, owners = _inside(places, owners, borders, len(separator))
    shift = starts - np.append(0, borders[:-1])
    return places + shift[owners], np.bincount(owners, minlength=len(starts))


def ranges(firsts: Ints, counts: Ints) -> Ints:
    """`counts[i]` numbers from `firsts[i]` on, for each i, in one array."""
    before = np.cumsum(counts) - counts
    numbers: Ints = np.arange(int(counts.sum())) + np.repeat(firsts - before, counts)
    return numbers


def code_points(text: str) -> npt.NDArray[np.unsignedinteger]:
    """The characters of a text as numbers, of as few bytes as they need."""
    try:
        # 1 byte for Western texts, 2 for most others, 4 only where there are emoji or rare characters.
        return np.frombuffer(text.encode("latin-1"), np.uint8)
    except UnicodeEncodeError:
        wide = text.encode(f"utf-16-{_ORDER}", "surrogatepass")
    # Characters outside the first plane take two units: then places would be counted wrong.
    if len(wide) == 2 * len(text):
        return np.frombuffer(wide, np.uint16)
    return np.frombuffer(text.encode(f"utf-32-{_ORDER}", "surrogatepass"), np.uint32)


def _inside(positions: Ints, owners: Ints, borders: Ints, length: int) -> tuple[Ints, Ints]:
    """Matches that end in the part they begin in and do not overlap the one before."""
    if length == 1 or not len(positions):
        return positions, owners
    inside = positions + length <= borders[owners]
    positions, owners = positions[inside], owners[inside]
    # Overlapping matches are rare ("\n\n\n\n"); only then is there a step per match.
    if (np.diff(positions) >= length).all():
        return positions, owners
    survivors, free = [], -1
    # As `str.split` does: from the left, each from where the one before ended.
    for position, place in enumerate(positions.tolist()):
        if place >= free:
            survivors.append(position)
            free = place + length
    return positions[survivors], owners[survivors]


def _everywhere(text: str, separator: str) -> Ints:
    """All places, those that overlap too; from blocks that overlap by the separator's length."""
    places = [_NONE]
    for at in range(0, len(text), _BLOCK):
        # Longer by one less than the separator: a match over the border belongs to the block it begins in.
        codes = code_points(text[at : at + _BLOCK + len(separator) - 1])
        count = max(0, len(codes) - len(separator) + 1)
        hit = codes[:count] == ord(separator[0])
        for i, character in enumerate(separator[1:], 1):
            hit &= codes[i : i + count] == ord(character)
        places.append(np.flatnonzero(hit) + at)
    return np.concatenate(places)
