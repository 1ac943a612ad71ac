"""Which parts of a statement stand in a sentence, and in which order."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from heapq import heapify, heappop, heappush

from llmopt_core.evaluation.judges.builtin.sentence_token import BREAK, NUMBER, Token
from llmopt_core.text.scripts import is_east_asian

_TURNING_CHARACTERS = frozenset("比曾胜赢救杀娶嫁教雇")
"""Lone characters that tell the one before from the one after: who is compared with whom, who beat or taught whom."""


@dataclass(frozen=True, slots=True)
class Block:
    """Tokens that stand together in both: where they start in the statement and in the sentence, and how many."""

    start: int
    there: int
    size: int


def _same_key(token: Token) -> str:
    """Words of one side count as the same word; a break counts as none."""
    if token.kind == BREAK:
        return ""
    if len(token.text) == 1 and token.kind != NUMBER:
        # 强 is a word in one place, and part of a name in another.
        return token.text
    return f"{token.sides[0].group}/{token.sides[0].side}" if token.sides else token.key


def blocks_of(here: Sequence[Token], text: Sequence[Token]) -> list[Block]:
    """Longest common runs first, each token used once; in the order of `here`. A lone Chinese character is no block."""
    a = [_same_key(token) for token in here]
    b = [_same_key(token) for token in text]
    runs: list[tuple[int, int, int]] = []
    for i, key in enumerate(a):
        for j, other in enumerate(b):
            # Only where a run begins: one whose tokens before agree as well is part of a longer run. That also keeps
            # runs few.
            if key and key == other and not (i and j and a[i - 1] and a[i - 1] == b[j - 1]):
                size = 1
                while i + size < len(a) and j + size < len(b) and a[i + size] and a[i + size] == b[j + size]:
                    size += 1
                runs.append((size, i, j))
    used_a, used_b, blocks = set[int](), set[int](), list[Block]()
    # The longest first; of equals the first in the statement, then the one nearest to its own place.
    queue = [(-size, i, abs(i - j), j) for size, i, j in runs]
    heapify(queue)
    while queue:
        least, i, _, j = heappop(queue)
        size = -least
        if not (used_a & set(range(i, i + size)) or used_b & set(range(j, j + size))):
            # A lone character is taken out all the same, so that it is not matched a second time.
            if size > 1 or not _is_character(here[i]):
                blocks.append(Block(i, j, size))
            used_a |= set(range(i, i + size))
            used_b |= set(range(j, j + size))
            continue
        # A part of it went to a longer run; what is free on either side is tried again.
        for rest, start, there in _remaining(size, i, j, used_a, used_b):
            heappush(queue, (-rest, start, abs(start - there), there))
    return sorted(blocks, key=lambda block: block.start)


def _remaining(size: int, i: int, j: int, used_a: set[int], used_b: set[int]) -> list[tuple[int, int, int]]:
    """The parts of a run whose tokens are still free."""
    parts, start = [], None
    for k in range(size + 1):
        is_free = k < size and i + k not in used_a and j + k not in used_b
        if is_free and start is None:
            start = k
        elif not is_free and start is not None:
            parts.append((k - start, i + start, j + start))
            start = None
    return parts


def _is_character(token: Token) -> bool:
    is_single = len(token.text) == 1 and is_east_asian(token.text) and not token.sides and token.kind != NUMBER
    return is_single and token.text not in _TURNING_CHARACTERS


def longest_rising(order: Sequence[int]) -> int:
    """Length of the longest rising subsequence."""
    ends: list[int] = []
    for value in order:
        # Patience sorting: `ends[n]` is the smallest end of a rising run of n + 1, so its length is the answer.
        place = bisect_left(ends, value)
        ends[place : place + 1] = [value]
    return len(ends)


def rising(blocks: Sequence[Block]) -> list[Block]:
    """The blocks that stand in the same order in both, as many tokens as possible."""
    total: list[int] = []
    predecessors: list[int] = []
    for place, block in enumerate(blocks):
        # Quadratic, which is enough for the few blocks of two sentences.
        candidates = [k for k in range(place) if blocks[k].there < block.there]
        best = max(candidates, key=lambda k: total[k], default=-1)
        predecessors.append(best)
        total.append(block.size + (total[best] if best >= 0 else 0))
    chain: list[Block] = []
    # `default`: without blocks there is no chain.
    place = max(range(len(blocks)), key=total.__getitem__, default=-1)
    while place >= 0:
        chain.append(blocks[place])
        place = predecessors[place]
    return chain[::-1]
