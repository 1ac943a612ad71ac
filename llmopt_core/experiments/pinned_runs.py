"""Runs by their ids: what a link shows stays the same whatever is run after it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from llmopt_core.runs.values import Run

# Digits of a fingerprint, enough to tell two configurations of one name apart.
_FINGERPRINT_DIGITS = 4
# All numbers of so many digits fit into what a database takes for an id.
_LONGEST = 18


@dataclass(frozen=True)
class PinnedRuns:
    """What ids stand for.

    Attributes:
        runs: By the name they are shown under, in the order of the ids; all on the questions and by the judge of the
            first.
        notes: A sentence for each reason why an id is not among them.
    """

    runs: Mapping[str, Run] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def run_ids(text: str) -> tuple[int, ...]:
    """The ids in `12,15`; what is no number, or larger than any id, is left out."""
    parts = (part.strip() for part in text.split(","))
    # To Python `²` is a digit as well, and `int` refuses it.
    digits = (part for part in parts if part.isascii() and part.isdigit() and len(part) <= _LONGEST)
    return tuple(dict.fromkeys(int(part) for part in digits))


def find_pinned_runs(runs: Sequence[Run], ids: Sequence[int]) -> PinnedRuns:
    """The runs of these ids that can stand side by side.

    Args:
        runs: Those of the project that have records.
        ids: As an address or a table names them.
    """
    runs_by_id = {run.id: run for run in runs}
    matches = [runs_by_id[number] for number in ids if number in runs_by_id]
    if not matches:
        return PinnedRuns({}, _missing_notes(len(ids)))
    first = matches[0]
    comparable_runs = [run for run in matches if _questions(run) == _questions(first)]
    same_judge_runs = [run for run in comparable_runs if run.judge == first.judge]
    notes = [
        *_missing_notes(len(ids) - len(matches)),
        *_other(len(matches) - len(comparable_runs), "on other questions"),
        *_other(len(comparable_runs) - len(same_judge_runs), "graded by another judge"),
    ]
    return PinnedRuns(_name_runs(same_judge_runs), tuple(notes))


def family_with_pins(family: Mapping[str, Run], pins: Mapping[str, Run]) -> dict[str, Run]:
    """The runs that comparisons of pinned runs are tested together with.

    Args:
        family: Those of the project's configurations, see `family_runs`.
        pins: The pinned ones, which stand for their configurations where others of the same would count.
    """
    # Of equal ones the first shown counts: it is entered last.
    pin_names = {run.fingerprint: name for name, run in reversed(list(pins.items()))}
    runs_by_name: dict[str, Run] = {}
    for name, run in family.items():
        pin_name = pin_names.get(run.fingerprint)
        other = f"{name} ({run.fingerprint[:_FINGERPRINT_DIGITS]})" if name in pins else name
        runs_by_name[pin_name or other] = pins[pin_name] if pin_name else run
    return runs_by_name


def _questions(run: Run) -> tuple[str, str]:
    return run.evaluation_set, run.set_version


def _name_runs(runs: Sequence[Run]) -> dict[str, Run]:
    names = [run.name for run in runs]
    return {run.name if names.count(run.name) == 1 else f"{run.name} (run {run.id})": run for run in runs}


def _missing_notes(count: int) -> tuple[str, ...]:
    if not count:
        return ()
    return (f"{count} of the runs named here {'is' if count == 1 else 'are'} not in this project any more.",)


def _other(count: int, why: str) -> tuple[str, ...]:
    return (f"{count} {'is' if count == 1 else 'are'} left out, {why}.",) if count else ()
