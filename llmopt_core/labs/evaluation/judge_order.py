"""Which answer a person labels next: flips first, then what narrows the interval most."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from llmopt_core.labs.evaluation.judge_rows import FLIPS, SAME, Group, LabelRow, rows_by_group
from llmopt_core.statistics.corrected_rates import DIFFERENCES, PASSES, Stratum, most_useful

FLIPS_FIRST = 10
"""So many flips come before anything else. After them the other rows must have their turn as well, since the interval
knows nothing of a group without labels; a flip still narrows it more and comes more often."""

PeopleLabels = Mapping[str, bool]
"""Subject -> whether people pass it."""


def is_labelled(row: LabelRow, people: PeopleLabels) -> bool:
    """Whether all of its answers have a label."""
    return all(subject in people for subject in row.subjects)


def next_row(rows: Sequence[LabelRow], people: PeopleLabels, own: Collection[str]) -> LabelRow | None:
    """The row to label next; None where this person has labelled all.

    Args:
        rows: As `label_rows` gives them.
        people: What people have said so far, all of them together.
        own: Subjects that this person is done with.
    """
    done = set(own)
    open_rows = [row for row in rows if not done.issuperset(row.subjects)]
    # A row that is begun is ended first: half a pair tells nothing of the difference.
    begun = [row for row in open_rows if not done.isdisjoint(row.subjects)]
    # What nobody has labelled narrows the interval; second opinions come when there is no such row left.
    fresh_rows = [row for row in open_rows if not is_labelled(row, people)]
    return next(iter(begun), None) or _most_useful_row(rows, fresh_rows or open_rows, people)


def _most_useful_row(rows: Sequence[LabelRow], open_rows: Sequence[LabelRow], people: PeopleLabels) -> LabelRow | None:
    groups, open_groups = rows_by_group(rows), rows_by_group(open_rows)
    flips = [row for row in open_rows if row.group in FLIPS]
    flips_with_labels = sum(is_labelled(row, people) for name in FLIPS for row in groups.get(name, ()))
    if flips and flips_with_labels < FLIPS_FIRST:
        return flips[0]
    # The same answer twice moves no difference: only the two pass rates gain by its label, so it comes last.
    for names in ([name for name in open_groups if name not in SAME], SAME):
        strata = {name: group_stratum(name, groups[name], people) for name in names if name in open_groups}
        best = most_useful(strata, PASSES if set(names) & {*SAME, "pass", "fail"} else DIFFERENCES)
        if best is not None:
            return open_groups[best][0]
    # Every row has its label; what is open are second opinions.
    return next(iter(open_rows), None)


def group_stratum(name: Group, rows: Sequence[LabelRow], people: PeopleLabels) -> Stratum:
    """A group of rows with what people said of them: of one answer whether it passes, of two the difference."""
    labelled_rows = [row for row in rows if is_labelled(row, people)]
    is_pair = bool(rows) and len(rows[0].answers) == 2 and name not in SAME
    place = -1
    labels = tuple(
        float(people[row.answers[place].subject]) - (float(people[row.answers[0].subject]) if is_pair else 0.0)
        for row in labelled_rows
    )
    verdicts = rows[0].verdicts
    expected = float(verdicts[place]) - (float(verdicts[0]) if is_pair else 0.0)
    return Stratum(len(rows), labels, expected, clusters=row_clusters(rows, people))


def row_clusters(rows: Sequence[LabelRow], people: PeopleLabels, side: int | None = None) -> tuple[str, ...]:
    """The cluster of each row, those first whose answer on this side, or on all, has a label; empty without clusters.

    Args:
        rows: Of one group.
        people: What people have said.
        side: Which answer; None for all of them.
    """

    def is_open(row: LabelRow) -> bool:
        return not is_labelled(row, people) if side is None else row.answers[side].subject not in people

    # The sort is stable: labels and clusters stay in one order.
    return tuple(row.cluster for row in sorted(rows, key=is_open)) if all(row.cluster for row in rows) else ()
