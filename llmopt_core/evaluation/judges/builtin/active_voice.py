"""Sentences in the active voice, so that who does what to whom stands in one order."""

from __future__ import annotations

from collections.abc import Sequence

from llmopt_core.evaluation.judges.builtin.opposites import is_irregular
from llmopt_core.evaluation.judges.builtin.sentence_token import BREAK, NUMBER, SMALL, Token
from llmopt_core.evaluation.judges.builtin.word_lists import word_list
from llmopt_core.text.scripts import begins_with_han

_BE = frozenset({"is", "are", "was", "were", "been", "being", "be", "get", "got", "gets"})
# "Included in": the passive of these goes without a `by`.
_CONTAINMENT_VERBS = {"included": "in", "contained": "in", "comprised": "in", "excluded": "from", "omitted": "from"}
_BE_NOT = frozenset({"isn't", "aren't", "wasn't", "weren't"})
# What may follow the doer of a passive: bought by A in 2010.
AFTER_DOER = frozenset({"in", "at", "on", "from", "with", "for", "to", "during", "since", "until", "after", "before"})
_IRREGULAR_PARTICIPLES = word_list("participles")
CLAUSE_ENDS = frozenset({";", ".", "but", "while"})
# Where the active voice must not reach over.
_NEW_CLAUSE = CLAUSE_ENDS | {":", "whereas", "before", "after", "because", "who", "which", "that"}


def in_active_voice(tokens: Sequence[Token]) -> list[Token]:
    """`B was bought by A` as `A bought B`; `B 被 A 收购` as `A 收购 B`."""
    active_tokens: list[Token] = []
    for clause in _clauses(tokens):
        active_tokens += _english_active(clause) or _chinese_active(clause) or clause
    return active_tokens


def _english_active(clause: list[Token]) -> list[Token] | None:
    # A passive needs `by` with a form of `be` before it and a participle between.
    by = next((p for p, token in enumerate(clause) if token.key == "by" and token.kind == SMALL), None)
    if by is None or by + 1 >= len(clause):
        return _passive_as_active(clause)
    be = next((p for p in range(by - 1, -1, -1) if clause[p].text.lower() in _BE), None)
    verb = next((p for p in range((be if be is not None else by) + 1, by) if _is_participle(clause[p])), None)
    doer = clause[by + 1 :]
    # "By 2010" and "by ten" name no doer.
    if be is None or verb is None or not doer or next((t.kind for t in doer if t.kind != SMALL), NUMBER) == NUMBER:
        return None
    end = next((p for p, t in enumerate(doer) if t.kind == SMALL and t.text.lower() in AFTER_DOER), len(doer))
    # The doer ends at a comma; `and` may join two doers.
    end = next((p for p, t in enumerate(doer[:end]) if p and t.kind == BREAK and t.key != "and"), end)
    lead = _lead(clause[:be])
    # Doer, verb, what was done to, rest.
    return [*clause[:lead], *doer[:end], *clause[verb:by], *clause[lead:be], *doer[end:]]


def _passive_as_active(clause: list[Token]) -> list[Token] | None:
    """`A is included in B` as `B included A`, `A is excluded from B` as `B excluded A`."""
    verb = next((p for p, t in enumerate(clause) if t.text.lower() in _CONTAINMENT_VERBS), None)
    if not verb or verb + 1 >= len(clause) or clause[verb + 1].key != _CONTAINMENT_VERBS[clause[verb].text.lower()]:
        return None
    be = next((p for p in range(verb - 1, -1, -1) if clause[p].text.lower() in _BE | _BE_NOT), None)
    if be is None:
        return None
    end = next((p for p in range(verb + 2, len(clause)) if clause[p].kind == BREAK), len(clause))
    return [*clause[verb + 2 : end], *clause[be + 1 : verb + 1], *clause[:be], *clause[end:]]


def _lead(subject: Sequence[Token]) -> int:
    """Where the subject begins after an opening such as `in 2010,`."""
    return max((p + 1 for p, token in enumerate(subject) if token.key == ","), default=0)


def _chinese_active(clause: list[Token]) -> list[Token] | None:
    # 由 names the doer as well: 由A负责.
    place = next((p for p, token in enumerate(clause) if token.text in ("被", "由")), None)
    if place is None or place == 0:
        return None
    # 在 and 于 begin the place or time, which stays out of the object.
    where = next((p for p, token in enumerate(clause[:place]) if p and token.text in ("在", "于")), place)
    return [*clause[place + 1 :], *clause[:where]]


def _is_participle(token: Token) -> bool:
    word = token.text.lower()
    if word in _IRREGULAR_PARTICIPLES or is_irregular(word):
        return True
    # Regular forms are told by their ending; "red" and "ten" are too short for one.
    return token.counts and len(word) > 3 and word.endswith(("ed", "en"))


def _clauses(tokens: Sequence[Token]) -> list[list[Token]]:
    """Parts that end with a stop, a semicolon, a word that joins clauses, or a Chinese comma."""
    clauses: list[list[Token]] = [[]]
    chinese = any(begins_with_han(token.text) for token in tokens)
    for token in tokens:
        clauses[-1].append(token)
        is_end = token.key in _NEW_CLAUSE
        # A Chinese comma parts clauses, an English one mostly items.
        if is_end or (chinese and token.key == ","):
            clauses.append([])
    return [clause for clause in clauses if clause]
