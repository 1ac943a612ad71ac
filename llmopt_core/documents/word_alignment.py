"""Which words of a text go on in its next version: unique runs of words first, then the longest common sequence."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence

# Words in a run: shorter ones stand several times by accident, longer ones are cut by every change.
_RUN = 6
# Bits of the matrix that rapidfuzz keeps for a gap: 60 MB.
_MOST_CELLS = 500_000_000


def align(old: Sequence[str], new: Sequence[str]) -> list[int]:
    """For each old word the position of its like in the new text, in rising order; -1 where there is none.

    Runs of six words that stand once in both texts are taken first (patience), so that it takes time by the length of
    the texts; what lies between them is compared word by word where it is not too much.
    """
    numbers: dict[str, int] = {}
    # Numbers compare faster than words, and take less memory.
    a = [numbers.setdefault(word, len(numbers)) for word in old]
    b = [numbers.setdefault(word, len(numbers)) for word in new]
    positions = [-1] * len(a)
    i = j = 0
    # The end of both as a last anchor, so that what is behind the others is compared too.
    for at_old, at_new in [*_anchors(a, b), (len(a), len(b))]:
        # Within what has been taken already.
        if at_old < i or at_new < j:
            continue
        for x, y in _gap(a[i:at_old], b[j:at_new]):
            positions[i + x] = j + y
        i, j = at_old, at_new
        # As far as words go on after an anchor, without a comparison.
        while i < len(a) and j < len(b) and a[i] == b[j]:
            positions[i] = j
            i, j = i + 1, j + 1
    return positions


def _anchors(a: Sequence[int], b: Sequence[int]) -> list[tuple[int, int]]:
    """Positions of runs that are unique in both, in the longest order that rises in both."""
    # As in the patience difference: runs that stand once in both cannot be mistaken for each other.
    new_places = _unique_runs(b)
    pairs = [(place, new_places[run]) for run, place in _unique_runs(a).items() if run in new_places]
    pairs.sort()
    tails: list[int] = []
    ends: list[int] = []
    before: list[int] = []
    for number, (_, place) in enumerate(pairs):
        # Longest rising sequence, by piles: `tails` holds the least end of each length.
        at = bisect_left(tails, place)
        before.append(ends[at - 1] if at else -1)
        tails[at : at + 1], ends[at : at + 1] = [place], [number]
    chain: list[tuple[int, int]] = []
    last = ends[-1] if ends else -1
    while last >= 0:
        chain.append(pairs[last])
        last = before[last]
    return chain[::-1]  # it was followed from its end


def _unique_runs(words: Sequence[int]) -> dict[tuple[int, ...], int]:
    places: dict[tuple[int, ...], int] = {}
    for place, run in enumerate(zip(*(words[n:] for n in range(_RUN)), strict=False)):
        # -1 for what stands several times, so that a third one is no first again.
        places[run] = -1 if run in places else place
    return {run: place for run, place in places.items() if place >= 0}


def _gap(a: Sequence[int], b: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Pairs of equal words between two anchors."""
    from rapidfuzz.distance import LCSseq

    # Beyond it nothing is known of the words in the gap, and their passages are told.
    if not a or not b or len(a) * len(b) > _MOST_CELLS:
        return
    for block in LCSseq.opcodes(a, b):
        if block.tag == "equal":
            yield from zip(range(block.src_start, block.src_end), range(block.dest_start, block.dest_end), strict=True)
