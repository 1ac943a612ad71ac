"""Which configurations were asked the never-seen questions of a set before."""

from __future__ import annotations

from collections.abc import Collection

from llmopt_core.runs.question_splits import part_name
from llmopt_core.runs.store import Store
from llmopt_core.runs.values import Project
from llmopt_core.types.parts import NEVER_SEEN


def list_earlier_looks(
    store: Store, project: Project | str, set_name: str, fingerprints: Collection[str]
) -> tuple[str, ...]:
    """Configurations other than these whose runs asked the questions before, by name; none for other parts.

    Whoever saw those numbers may have chosen by them: each look makes the questions less unseen. Runs over the whole
    set asked them as well.
    """
    whole, separator, rest = set_name.partition(f", {NEVER_SEEN}")
    # Some questions of the part have longer names, such as `questions, never seen, 3 chosen (q1, q2, q3)`.
    if not separator or not whole or (rest and not rest.startswith(", ")):
        return ()
    part = part_name(whole, NEVER_SEEN)
    names = [
        run.name
        for run in store.runs(project)
        if run.fingerprint not in fingerprints
        and run.done
        and (run.evaluation_set in (whole, part) or run.evaluation_set.startswith(f"{part}, "))
    ]
    return tuple(dict.fromkeys(reversed(names)))
