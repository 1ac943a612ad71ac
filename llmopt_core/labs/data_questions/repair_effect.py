"""What repair and voting gained, and what they harmed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from llmopt_core.statistics.paired_wins import sign_test
from llmopt_core.types import DataAnswer, Record

FIRST, LAST = "first_draft_accuracy", "execution_accuracy"


@dataclass(frozen=True, slots=True)
class RepairEffect:
    """How many questions a repair or a vote turned, by example id.

    Attributes:
        mended: Wrong before, right after.
        harmed: Right before, wrong after.
        unchanged: Compared, and the same before and after.
        missing: Not compared, as one of the two has no value.
        p_value: Of an exact sign test on those that turned (McNemar); None where none did.
    """

    mended: tuple[str, ...]
    harmed: tuple[str, ...]
    unchanged: int
    missing: int
    p_value: float | None

    @property
    def is_worth_it(self) -> bool:
        """Whether it mended more than it harmed. Otherwise it should be dropped: it costs, and gains nothing."""
        return len(self.mended) > len(self.harmed)

    @property
    def sentence(self) -> str:
        """The finding, and what to do."""
        counts = f"{len(self.mended)} wrong → right, {len(self.harmed)} right → wrong"
        if not self.mended and not self.harmed:
            return f"{counts}: nothing turned, so it only costs; drop it."
        if not self.is_worth_it:
            return f"{counts}: its harm is not smaller than its gain; drop it."
        p = f" (exact sign test p = {self.p_value:.2g})" if self.p_value is not None else ""
        return f"{counts}{p}."


def repair_effect(records: Iterable[Record]) -> RepairEffect | None:
    """Compare the first query of each answer with the one that counts; None where no answer was repaired or voted on.

    Args:
        records: Of a run that was scored by `first_draft_accuracy` and `execution_accuracy`.
    """
    mended: list[str] = []
    harmed: list[str] = []
    unchanged = missing = 0
    second_looks = False
    for record in records:
        data = record.answer.data if record.answer is not None else None
        if data is None:
            continue
        second_looks = second_looks or _has_second_look(data)
        before, after = (record.scores[name].value if name in record.scores else None for name in (FIRST, LAST))
        if before is None or after is None:
            missing += 1
        elif before == after:
            unchanged += 1
        else:
            (mended if after > before else harmed).append(record.example.id)
    if not second_looks:
        return None
    p_value = sign_test(len(mended), len(harmed)) if mended or harmed else None
    return RepairEffect(tuple(mended), tuple(harmed), unchanged, missing, p_value)


def _has_second_look(data: DataAnswer) -> bool:
    return data.repairs > 0 or data.votes is not None
