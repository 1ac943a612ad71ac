"""The questions of a set in three parts: to search with, to confirm with, and never seen until the end.

The parts are made by document: questions that share a document, or ask the same, always stand in one part.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from llmopt_core.errors import BadInput
from llmopt_core.runs.split_groups import example_documents, question_groups, text_key
from llmopt_core.types import EvaluationSet, Example
from llmopt_core.types.parts import PARTS, SEARCH, find_part

DEFAULT_SHARES = (50, 25, 25)
# How the whole of a set that is split is asked for.
ALL = "all"
# A group of connected questions this large decides what the parts look like.
_LARGE_SHARE = 0.5


@dataclass(frozen=True, slots=True)
class SplitPlan:
    """How a set is split, and where its questions and documents have stood.

    Attributes:
        shares: Of the questions, in percent, in the order of `PARTS`.
        questions: Id -> part, at the moment the split was made.
        documents: Name -> part, at that moment.
    """

    seed: int = 0
    shares: tuple[int, int, int] = DEFAULT_SHARES
    questions: Mapping[str, str] = field(default_factory=dict)
    documents: Mapping[str, str] = field(default_factory=dict)

    def as_values(self) -> dict[str, Any]:
        """Plain values, as they are kept."""
        return {
            "seed": self.seed,
            "shares": list(self.shares),
            "questions": dict(self.questions),
            "documents": dict(self.documents),
        }


@dataclass(frozen=True, slots=True)
class Split:
    """Which question stands in which part.

    Attributes:
        parts: Id -> part, in the order of the set.
        moved: Ids that stood in another part before: a document came to connect them with one that is looked at more.
        notes: What the user should know of it, a sentence each.
    """

    parts: Mapping[str, str]
    moved: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def sizes(self) -> dict[str, int]:
        """Questions in each part."""
        counts = Counter(self.parts.values())
        return {part: counts[part] for part in PARTS}


def plan_from(values: Any) -> SplitPlan | None:
    """A plan as it was kept; None where there is none, or another version of the program wrote it."""
    try:
        first, second, third = (int(share) for share in values["shares"])
        plan = SplitPlan(
            int(values["seed"]), (first, second, third), dict(values["questions"]), dict(values["documents"])
        )
    except (KeyError, TypeError, ValueError):
        return None
    return plan if {*plan.questions.values(), *plan.documents.values()} <= {*PARTS} else None


def part_name(set_name: str, part: str) -> str:
    """The name under which a part is chosen wherever a set is: `questions, confirm`."""
    return f"{set_name}, {part}"


def part_of(name: str) -> tuple[str, str] | None:
    """Set and part that a name such as `questions, confirm` stands for; None where it names no part."""
    set_name, separator, part = name.rpartition(", ")
    return (set_name, part) if separator and set_name and part in PARTS else None


def read_part(word: str) -> str:
    """A part as users write it; `all` stays, and so does nothing.

    Raises:
        BadInput: It is none.
    """
    if word.strip().casefold() in (ALL, ""):
        return word.strip().casefold()
    part = find_part(word)
    if part is None:
        raise BadInput(f"{word!r} is no part of a split: expected search, confirm, never-seen or all.")
    return part


def select_part(questions: EvaluationSet, split: Split, part: str) -> EvaluationSet:
    """One part of a set, in the set's order."""
    examples = tuple(example for example in questions.examples if split.parts.get(example.id) == part)
    return EvaluationSet(part_name(questions.name, part), examples)


def make_plan(
    questions: EvaluationSet,
    shares: Sequence[int] = DEFAULT_SHARES,
    seed: int = 0,
    wanted: Mapping[str, str] | None = None,
) -> tuple[SplitPlan, Split]:
    """Split a set anew.

    Groups of connected questions are dealt out, the largest first, each to the part that is furthest from its share,
    of all questions and of each category.

    Args:
        questions: The set.
        shares: Of the parts in the order of `PARTS`, as whole percents that make 100.
        seed: Another one gives another split.
        wanted: Id -> part, where a file says so; only questions that it does not name are dealt out.

    Raises:
        BadInput: The shares are none, or all questions are connected, so that there is nothing to split.
    """
    checked_shares = _check_shares(shares)
    examples = questions.examples
    groups = question_groups(examples)
    if wanted:
        split = assign_parts(questions, SplitPlan(seed, checked_shares, dict(wanted)))
        parts, moves = dict(split.parts), split.moved
    else:
        parts, moves = _deal_out(examples, groups, checked_shares, seed), ()
    if len(set(parts.values())) < 2 and len(examples) > 1 and max(checked_shares) < 100:
        raise BadInput(_explain_one_part(questions, groups))
    parts = {example.id: parts[example.id] for example in examples}
    documents = {name: parts[example.id] for example in examples for name in example_documents(example)}
    notes = (*_describe_moves(moves), *_describe_oddities(examples, groups, parts, checked_shares))
    return SplitPlan(seed, checked_shares, parts, documents), Split(parts, moves, notes)


def assign_parts(questions: EvaluationSet, plan: SplitPlan) -> Split:
    """The parts of a version of a set by a plan that was made before, maybe for an earlier version.

    Questions stay where they were. A new one goes where its document stands, or by chance that depends on the seed and
    its document alone, so that later edits do not move it. Where a question connects documents of two parts, all that
    hangs together goes to the part that is looked at more: what has been seen cannot become unseen.
    """
    examples = questions.examples
    groups = question_groups(examples)
    parts: dict[str, str] = {}
    moves = []
    for group in groups:
        members = [examples[place] for place in group]
        known_parts = {plan.questions[one.id] for one in members if one.id in plan.questions}
        names = {name for one in members for name in example_documents(one)}
        known_parts |= {plan.documents[name] for name in names if name in plan.documents}
        if not known_parts:
            keys = names or {text_key(one) for one in members}
            known_parts = {_part_by_chance(plan, key) for key in keys}
        part = min(known_parts, key=PARTS.index)
        parts |= {one.id: part for one in members}
        moves += [one.id for one in members if plan.questions.get(one.id, part) != part]
    ordered_parts = {example.id: parts[example.id] for example in examples}
    notes = (*_describe_moves(moves), *_describe_oddities(examples, groups, ordered_parts, plan.shares))
    return Split(ordered_parts, tuple(moves), notes)


def _check_shares(shares: Sequence[int]) -> tuple[int, int, int]:
    whole_numbers = len(shares) == len(PARTS) and all(isinstance(share, int) and share >= 0 for share in shares)
    if not whole_numbers or sum(shares) != 100:
        raise BadInput(
            "The shares of search, confirm and never seen are three whole numbers that make 100, such as 50,25,25."
        )
    return shares[0], shares[1], shares[2]


def _chance(seed: int, key: str) -> float:
    """A number between 0 and 1 that depends on nothing else."""
    return int.from_bytes(hashlib.sha256(f"{seed}:{key}".encode("utf-8", "surrogatepass")).digest()[:8]) / 2**64


def _part_by_chance(plan: SplitPlan, key: str) -> str:
    number, end = _chance(plan.seed, key) * 100, 0
    for part, share in zip(PARTS, plan.shares, strict=True):
        end += share
        if number < end:
            return part
    return SEARCH


def _deal_out(
    examples: Sequence[Example], groups: Sequence[Sequence[int]], shares: tuple[int, int, int], seed: int
) -> dict[str, str]:
    # None stands for all questions; each category has targets of its own.
    totals = Counter(key for example in examples for key in (None, example.category or ""))
    counts: dict[str, Counter[str | None]] = {part: Counter() for part in PARTS}
    open_parts = [(part, share) for part, share in zip(PARTS, shares, strict=True) if share]

    def cost(part: str, share: int, group_counts: Counter[str | None]) -> float:
        # How much the squared distance to a target grows, by that target; all questions count twice.
        total_cost = 0.0
        for key, number in group_counts.items():
            target = totals[key] * share / 100
            total_cost += (2 * (counts[part][key] - target) + number) * number / target * (2 if key is None else 1)
        return total_cost

    parts: dict[str, str] = {}
    largest_first = sorted(groups, key=lambda group: (-len(group), _chance(seed, examples[group[0]].id)))
    for group in largest_first:
        group_counts = Counter(key for place in group for key in (None, examples[place].category or ""))
        costs = [cost(part, share, group_counts) for part, share in open_parts]
        part = open_parts[costs.index(min(costs))][0]
        counts[part].update(group_counts)
        parts |= {examples[place].id: part for place in group}
    return parts


def _explain_one_part(questions: EvaluationSet, groups: Sequence[Sequence[int]]) -> str:
    count = len(questions.examples)
    if len(groups) > 1:
        return f"All {count} questions of {questions.name} would stand in one part; choose other shares."
    names = Counter(name for example in questions.examples for name in example_documents(example))
    by = f"the document {names.most_common(1)[0][0]}" if len(names) == 1 else f"{len(names)} documents that they share"
    reason = f"by {by}" if names else "because they ask the same"
    return (
        f"All {count} questions of {questions.name} hang together {reason}, and no document may stand on both sides: "
        "there is nothing to split. Add questions about other documents."
    )


def _describe_moves(moved: Sequence[str]) -> tuple[str, ...]:
    if not moved:
        return ()
    names = ", ".join(moved[:3]) + (" and others" if len(moved) > 3 else "")
    count = "1 question" if len(moved) == 1 else f"{len(moved)} questions"
    return (
        f"{count} ({names}) moved to a part that is looked at more, because another question there shares a document "
        "or asks the same.",
    )


def _describe_oddities(
    examples: Sequence[Example],
    groups: Sequence[Sequence[int]],
    parts: Mapping[str, str],
    shares: tuple[int, int, int],
) -> tuple[str, ...]:
    notes = []
    total, without = len(examples), sum(not example_documents(example) for example in examples)
    largest = max(groups, key=len, default=[])
    if total > 1 and len(largest) > 1 and len(largest) >= _LARGE_SHARE * total:
        counts = Counter(parts.values())
        sizes = ", ".join(f"{counts[part]} {part}" for part in PARTS)
        notes.append(
            f"{len(largest)} of {total} questions hang together by their documents and stay in one part, so the parts "
            f"are {sizes}."
        )
    empty = [part for part, share in zip(PARTS, shares, strict=True) if share and part not in parts.values()]
    if empty and total:
        notes.append(f"No question is left for {' and '.join(empty)}: there are too few that share no document.")
    if without and without == total:
        notes.append(
            "No question says where its answer stands, so the split is by question: the same document may be asked "
            "about on both sides."
        )
    elif without:
        notes.append(
            f"{without} of {total} questions do not say where their answers stand; they are split by question."
        )
    return tuple(notes)
