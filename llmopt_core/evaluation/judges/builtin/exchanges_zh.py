"""Whether a Chinese statement is a part of the text with two of its parts exchanged, character by character.

Names of one text often share characters (河北 and 河南), and no dictionary tells where a word ends. But an exchange
leaves all else as it is: A x B becomes B x A.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import takewhile

from llmopt_core.text.scripts import has_cjk

# Characters of a statement: every run is compared with every run of the text, and each place in it tried as a border.
_LONGEST = 160
# Signs that say nothing by themselves and may come or go.
_IGNORED_SIGNS = re.compile(r"[\s“”\"'《》「」了]")
_PARTS = re.compile(r"[，。；！？,;!?]+")
# A number, a Latin word, or one character: parts that are exchanged whole.
_UNIT = re.compile(r"\d+(?:[.,:]\d+)*%?|[A-Za-z]+|.", re.DOTALL)
# Between the two these make a list, or say of both the same.
_JOINS = re.compile(r"[，。；、：,;和与及或跟同]+|以及|还有")
# What holds both ways, such as marrying, meeting, playing against: an exchange changes nothing.
_SYMMETRIC = re.compile(
    r"结婚|相[同等似邻识遇交连距]|一样|合作|见面|会[面见晤]|比赛|对阵|交战|谈判|适用|签[订署约]|之间|接壤|毗邻|并列"
)
_SAME = frozenset({"是", "为", "即", "叫", "就是", "等于"})


def exchange_in_characters(statement: str, sources: Sequence[str]) -> str:
    """The reason if the statement, or a clause of it, stands in the text with two parts exchanged.

    Args:
        statement: One sentence.
        sources: The sentences of the text.
    """
    if not has_cjk(statement) or len(statement) > _LONGEST:
        return ""
    own_runs = list(_runs(statement))
    # The runs of each source with what they come from; a run is looked up, so that equal ones are found at once.
    there = {run: source for source in sources if has_cjk(source) for run in _runs(source[: 4 * _LONGEST])}
    # The whole statement stands there as it is.
    if any(run in there for run in own_runs[:1]):
        return ""
    for run in own_runs:
        # Sorted characters: an exchange has exactly the same ones, which leaves few to be looked at closely.
        letters = sorted(run)
        for other in there:
            if len(other) == len(run) and other != run and sorted(other) == letters and run not in there:
                pair = _exchange(_UNIT.findall(run), _UNIT.findall(other))
                if pair:
                    return f"'{pair[0]}' and '{pair[1]}' have changed places"
    return ""


def has_same_clauses(statement: str, source: str) -> bool:
    """Whether both have the same clauses behind what they begin with, in any order."""
    if not has_cjk(statement):
        return False
    here, there = (_UNIT.findall(next(_runs(text), "")) for text in (statement, source))
    # What both begin with (a subject) stays out, the clauses behind it may be in any order.
    start = _alike(here, there)
    return len(here) == len(there) and _clauses(here[start:]) == _clauses(there[start:])


def is_exchange_with(word: str, there: str, statement: str, source: str) -> bool:
    """Whether the statement, with a word of the text in place of its own, is an exchange: A从B进口, B向A出口."""
    # A 从 B 进口 and B 向 A 出口: words of direction become one, so that the exchange remains.
    sides = str.maketrans("从由自对给往", "向" * 6)
    rewording = statement.replace(word, there).translate(sides)
    return bool(exchange_in_characters(rewording, [source.translate(sides)]))


def _runs(sentence: str) -> Iterator[str]:
    """The sentence and all of its clauses that stand together, the longest first, without stops and quotation marks."""
    clauses = [part for part in _PARTS.split(_IGNORED_SIGNS.sub("", sentence)) if part]
    for size in range(len(clauses), 0, -1):
        for start in range(len(clauses) - size + 1):
            yield "，".join(clauses[start : start + size])


def _exchange(statement: list[str], there: list[str]) -> tuple[str, str] | None:
    """The two parts in the order of the statement; none where they are of a list, or nothing stands between them."""
    start, end = _alike(statement, there), 0
    if start < len(statement):
        # From the end, but no further than where the beginnings part.
        end = _alike(statement[:start:-1], there[:start:-1])
    if _clauses(statement[start:]) == _clauses(there[start:]):
        return None
    own, text = statement[start : len(statement) - end], there[start : len(there) - end]
    parts = None
    # Each cut into three, of which the outer two change places.
    for first in range(1, len(own) - 1):
        for last in range(1, len(own) - first):
            middle = own[first : len(own) - last]
            if text != [*own[len(own) - last :], *middle, *own[:first]]:
                continue
            if not _JOINS.sub("", "".join(middle)):
                # Another order of a list.
                return None
            parts = parts or (own[:first], middle, own[len(own) - last :])
    if parts is None:
        return _longer_name(statement[:start], own, text)
    if _says_the_same("".join(parts[1]), "".join(statement), whole=len(own) == len(statement)) or _same_tails(
        statement[:start], *parts, statement[len(statement) - end :]
    ):
        return None
    return _restore_common(statement[:start], *parts)


def _longer_name(before: list[str], own: list[str], text: list[str]) -> tuple[str, str] | None:
    """Names of which one begins with the other: 印度 and 印度尼西亚."""
    for size in range(1, len(own)):
        # A rotation: the shorter name is the beginning of the longer one.
        if text == [*own[size:], *own[:size]]:
            overlap = _alike(before[::-1], own[::-1])
            # A single shared character is no name.
            if 2 <= overlap < len(own) - size:
                name = "".join(own[len(own) - overlap :])
                return name + "".join(own[:size]), name
    return None


def _same_tails(before: list[str], first: list[str], middle: list[str], last: list[str], behind: list[str]) -> bool:
    """Whether both are clauses that end alike, so that only their order is another: 东楼有三间房，西楼有两间."""
    if "，" not in middle or middle[-1] != "，" or (before and before[-1] != "，"):
        return False
    tails = ["".join(units).split("，")[0] for units in (middle, behind)]
    return tails[0].startswith(tails[1]) or tails[1].startswith(tails[0])


def _clauses(units: Sequence[str]) -> list[str]:
    """In an order that does not matter: 咖啡三元，茶两元."""
    return sorted("".join(units).split("，"))


def _alike(one: Sequence[str], other: Sequence[str]) -> int:
    """How many of the first are the same."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))


def _says_the_same(between: str, sentence: str, whole: bool) -> bool:
    if _SYMMETRIC.search(sentence) or (_JOINS.match(between) and _JOINS.match(between[-1])):
        return True
    # 北京是中国的首都 and 中国的首都是北京.
    return whole and between in _SAME


def _restore_common(before: list[str], first: list[str], middle: list[str], last: list[str]) -> tuple[str, str]:
    """Both with what they have in common: 伊 of 伊朗 and 伊拉克."""
    overlap = _alike(before[::-1], middle[::-1])
    head = "".join(middle[len(middle) - overlap :])
    return head + "".join(first), head + "".join(last)
