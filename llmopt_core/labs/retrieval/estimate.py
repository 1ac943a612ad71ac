"""What the lab's long work will take, before it starts."""

from __future__ import annotations

from collections.abc import Sequence

from llmopt_core.evaluation.judges.judge import JudgeSpec
from llmopt_core.execution.spending import read_spending
from llmopt_core.experiments.estimate import PILOT, Estimate, estimate_pipeline
from llmopt_core.experiments.pipeline import Pipeline
from llmopt_core.labs.retrieval.ablation import ANSWER_METRICS, ablation_work_name, with_full_depth
from llmopt_core.labs.retrieval.components import components
from llmopt_core.labs.retrieval.k_sweep import METRICS, at_k, sweep_work_name
from llmopt_core.labs.retrieval.set_report import measure_work_name
from llmopt_core.labs.retrieval.subject import Subject
from llmopt_core.types import Example, Spec, Usage

_CONCURRENCY = 4
"""Questions in work at once, as the labs answer them."""
_MANY = 4
"""From so many configurations on, one question of each is a pilot large enough."""


class LabEstimate(Spec):
    """What is still to be spent on all configurations together.

    Attributes:
        total: Questions of all configurations.
        left: Those that are not kept from before or from the pilot.
        calls: Model calls to be made.
        tokens: Of these calls.
        cost_usd: None where a price is not known.
        seconds: Roughly.
        spent_tokens: Of the pilot, whose results are kept.
        spent_usd: None where a price is not known.
        paid_usd: For the same work so far, pilots included: a part of its budget.
        failures: Messages of pilot questions that failed.
    """

    total: int
    left: int
    calls: int
    tokens: int
    cost_usd: float | None
    seconds: float
    spent_tokens: int
    spent_usd: float | None
    failures: tuple[str, ...] = ()
    paid_usd: float | None = 0.0


async def estimate_measure(subject: Subject, *, k: int = 5) -> LabEstimate:
    """Retrieval for a whole set, from a pilot. Its calls are real and their results kept.

    Raises:
        BadInput: The configuration retrieves nothing.
    """
    return await _estimate(measure_work_name(subject, k), [subject.pipeline()], subject.with_gold, False)


async def estimate_ablation(subject: Subject, *, answers: bool = False, judge: JudgeSpec | None = None) -> LabEstimate:
    """Leave-one-out, from a pilot. Its calls are real and their results kept.

    Raises:
        BadInput: The configuration retrieves nothing.
    """
    parts = [subject.configuration, *components(subject.configuration, answers).values()]
    # Deep where only the ranking counts, as `ablate` searches.
    lines = [
        subject.pipeline(part, ANSWER_METRICS, judge) if answers else subject.pipeline(with_full_depth(part))
        for part in parts
    ]
    # Without answers, only questions with references are searched.
    examples = subject.examples if answers else subject.with_gold
    return await _estimate(ablation_work_name(subject, judge, answers), lines, examples, answers)


async def estimate_sweep(subject: Subject, *, ks: Sequence[int], judge: JudgeSpec | None = None) -> LabEstimate:
    """Answers with each number of chunks, from a pilot. Its calls are real and their results kept.

    Raises:
        BadInput: The configuration retrieves nothing.
    """
    # As `k_sweep` sorts them: the name of the work must be the same.
    counts, judge = sorted(set(ks)), judge or JudgeSpec()
    lines = [subject.pipeline(at_k(subject.configuration, k), METRICS, judge) for k in counts]
    return await _estimate(sweep_work_name(subject, judge, counts), lines, subject.examples, True)


async def _estimate(work: str, lines: Sequence[Pipeline], examples: Sequence[Example], answers: bool) -> LabEstimate:
    models = lines[0].models
    # Counted to the work that it is a pilot of, whose budget includes it.
    with models.spending(work, pilot=True):
        estimates = await _run_pilots(lines, examples, answers)
    # After the pilot, whose cost is part of it.
    usage = read_spending(models.cache, work).usage
    return _together(estimates).model_copy(update={"paid_usd": usage.cost_usd})


async def _run_pilots(lines: Sequence[Pipeline], examples: Sequence[Example], answers: bool) -> list[Estimate]:
    # Eight questions of each of several configurations would be a good part of the work itself.
    pilot = 1 if len(lines) >= _MANY else PILOT
    estimates: list[Estimate] = []
    for line in lines:
        # The same questions for all: their answers differ by configuration alone.
        same = estimates[0].pilot_ids if estimates else ()
        estimates.append(await estimate_pipeline(line, examples, pilot, _CONCURRENCY, answers=answers, same=same))
    return estimates


def _together(estimates: Sequence[Estimate]) -> LabEstimate:
    usage = sum((one.pilot_usage for one in estimates), Usage())
    costs = [one.cost_usd for one in estimates]
    return LabEstimate(
        total=sum(one.records for one in estimates),
        left=sum(one.records - one.cached for one in estimates),
        calls=sum(one.calls for one in estimates),
        tokens=sum(one.prompt_tokens + one.completion_tokens for one in estimates),
        # One unknown price leaves no honest total.
        cost_usd=None if any(cost is None for cost in costs) else sum(cost or 0.0 for cost in costs),
        seconds=sum(one.seconds for one in estimates),
        spent_tokens=usage.prompt_tokens + usage.completion_tokens,
        spent_usd=usage.cost_usd,
        # Each message once: a server that is down fails every configuration alike.
        failures=tuple(dict.fromkeys(message for one in estimates for message in one.failures)),
    )
