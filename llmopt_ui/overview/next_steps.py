"""What to do next in a project, from what is there and what the last scores say. Plain rules, a handful at most."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from llmopt_core.evaluation.metrics.catalogue import metric_title
from llmopt_core.experiments.outcome import nearly_all_answered
from llmopt_ui import format as fmt
from llmopt_ui.evaluation.results import CORRECTNESS, Entry
from llmopt_ui.navigation import DOCUMENTS, EVALUATION, FINETUNING, PROMPTS, RETRIEVAL, PageSpec

_LOW = 0.7
_FEW = 100
_MOST = 4


@dataclass(frozen=True, slots=True)
class Step:
    """One suggestion: what to do, why, and where."""

    title: str
    why: str
    page: PageSpec
    view: str = ""


@dataclass(frozen=True, slots=True)
class Standing:
    """What a project has.

    Attributes:
        configurations: Name -> stored spec.
        entries: The latest leaderboard; empty before the first evaluation.
        leader: The entry that leads, if any.
        set_size: How many questions the set of the entries has; None where it is gone.
        running: The configurations that are being evaluated now.
        at_work: What else is being worked on, by the tab of the step that it is.
    """

    documents: int
    questions: int
    configurations: Mapping[str, Mapping[str, Any]]
    entries: Sequence[Entry]
    leader: Entry | None
    set_size: int | None = None
    running: Collection[str] = ()
    at_work: Mapping[str, str] = field(default_factory=dict)


def next_steps(standing: Standing) -> list[Step]:
    """The most useful steps first."""
    found = _to_set_up(standing) or [*_to_run(standing), *([] if standing.running else _to_improve(standing))]
    return [_told_as_running(step, standing.at_work.get(step.view, "")) for step in found[:_MOST]]


def _told_as_running(step: Step, work: str) -> Step:
    return replace(step, why=f"Running now: {work}. {step.why}") if work else step


def _to_set_up(standing: Standing) -> list[Step]:
    steps = []
    if not standing.documents:
        steps.append(Step("Add documents", "The texts your feature should answer from.", DOCUMENTS))
    if not standing.questions:
        steps.append(Step("Add questions", "Twenty with a reference answer are a start.", EVALUATION, "Questions"))
    if not standing.configurations:
        steps.append(
            Step(
                "Make a first configuration",
                "A plain prompt is the baseline that everything else must beat.",
                EVALUATION,
                "Configurations",
            )
        )
    return steps


def _to_run(standing: Standing) -> list[Step]:
    run = {entry.run.fingerprint for entry in standing.entries} | {entry.name for entry in standing.entries}
    running = [name for name in standing.configurations if name in standing.running]
    waiting = [name for name in standing.configurations if name not in run and name not in running]
    return [*_now_run(running), *([_not_run(standing, waiting)] if waiting else [])]


def _now_run(running: Sequence[str]) -> list[Step]:
    if not running:
        return []
    many = fmt.plural(len(running), "configuration")
    why = f"{_listed(running)}: running now, in the background. The results come in by themselves."
    return [Step(f"Evaluating {many}", why, EVALUATION, "Run")]


def _not_run(standing: Standing, waiting: Sequence[str]) -> Step:
    first = "The built-in model needs no key and takes a minute or two."
    why = f"Not run on this set yet: {_listed(waiting)}." if standing.entries or standing.running else first
    return Step(f"Evaluate {fmt.plural(len(waiting), 'configuration')}", why, EVALUATION, "Run")


def _listed(names: Sequence[str], most: int = 3) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return f"{', '.join(names[:most])}{more}"


def _to_improve(standing: Standing) -> list[Step]:
    leader = standing.leader
    if leader is None:
        return [*_fresh_questions(standing), *_failures(standing)]
    return [
        *_fresh_questions(standing),
        *_failures(standing),
        *_knowledge(standing, leader),
        *_behaviour(standing, leader),
        *_certainty(standing, leader),
    ]


def _fresh_questions(standing: Standing) -> list[Step]:
    """A score on questions that were trained on has to be measured again on others."""
    seen = [entry for entry in standing.entries if entry.seen]
    if not seen:
        return []
    first = seen[0]
    others = f" (and {len(seen) - 1} more)" if len(seen) > 1 else ""
    part = f"{first.seen} of its {first.run.total} questions"
    why = f"{first.name}{others} was trained on {part}: its score says nothing about new ones."
    return [Step("Add fresh questions", why, EVALUATION, "Questions")]


def _failures(standing: Standing) -> list[Step]:
    worst = max(standing.entries, key=lambda entry: entry.run.failed, default=None)
    if worst is None or not worst.run.failed:
        return []
    return [
        Step(
            f"Look at {fmt.plural(worst.run.failed, 'failed record')}",
            f"Those of {worst.name} count as not scored; resuming the run tries them again.",
            EVALUATION,
            "Results",
        )
    ]


def _knowledge(standing: Standing, leader: Entry) -> list[Step]:
    """What the model needs to know: context optimization."""
    if not any(spec.get("retrieval") for spec in standing.configurations.values()):
        return [
            Step(
                "Give the model your documents",
                "No configuration retrieves yet, so every answer comes from memory.",
                EVALUATION,
                "Configurations",
            )
        ]
    recall, precision = _mean(leader, "context_recall"), _mean(leader, "context_precision")
    if _is_low(recall):
        advice = "the chunks often miss the answer. Find a better chunk size, or add hybrid search."
        return [_raise(leader, "context_recall", advice, DOCUMENTS, "Sweep")]
    if _is_low(precision):
        advice = "useful chunks stand behind useless ones. Try reranking, or fewer chunks."
        return [_raise(leader, "context_precision", advice, RETRIEVAL, "Whole set")]
    return []


def _behaviour(standing: Standing, leader: Entry) -> list[Step]:
    """How the model needs to act: LLM optimization."""
    steps = []
    if _is_low(_mean(leader, "faithfulness")):
        advice = "answers say what the chunks don't. Try clearer instructions, examples, or a stronger model."
        steps.append(_raise(leader, "faithfulness", advice, PROMPTS, "Side by side"))
    elif _is_low(_mean(leader, "answer_relevancy")):
        advice = "answers pass the question by. Try clearer instructions or few-shot examples."
        steps.append(_raise(leader, "answer_relevancy", advice, PROMPTS, "Editor"))
    return [*steps, *_training(standing, leader)]


def _training(standing: Standing, leader: Entry) -> list[Step]:
    """It is given what it needs and still answers badly: what is missing is behaviour."""
    recall, correct = _mean(leader, "context_recall"), _mean(leader, CORRECTNESS)
    tuned = any((spec.get("model") or {}).get("adapter") for spec in standing.configurations.values())
    if tuned or recall is None or recall < _LOW or not _is_low(correct):
        return []
    why = (
        f"{leader.name} is given the answer (context recall {fmt.score(recall)}) but its answer F1 is "
        f"{fmt.score(correct)}: it has the knowledge, training can teach it how to answer."
    )
    return [Step("Fine-tune the model", why, FINETUNING, "Training data")]


def _is_low(value: float | None) -> bool:
    return value is not None and value < _LOW


def _raise(leader: Entry, metric: str, advice: str, page: PageSpec, view: str) -> Step:
    why = f"{fmt.score(_mean(leader, metric))} for {leader.name}: {advice}"
    return Step(f"Raise {metric_title(metric).lower()}", why, page, view)


def _certainty(standing: Standing, leader: Entry) -> list[Step]:
    unsure = [c for entry in standing.entries for c in entry.comparisons.values() if c.verdict == "no difference seen"]
    if not unsure or len(standing.entries) < 2:
        return []
    size = min(entry.run.done for entry in standing.entries)
    if size >= _FEW:
        return []
    left = (standing.set_size or 0) - size
    if left > 0:
        why = f"{size} of {standing.set_size} were asked of each: some differences cannot be told from chance yet."
        return [Step(f"Evaluate the other {fmt.plural(left, 'question')}", why, EVALUATION, "Run")]
    return [
        Step(
            "Add questions",
            f"With {size} questions some differences cannot be told from chance.",
            EVALUATION,
            "Questions",
        )
    ]


def _mean(entry: Entry, metric: str) -> float | None:
    summary = entry.summaries.get(metric)
    return None if summary is None else summary.mean


def leader_of(entries: Sequence[Entry], metrics: Sequence[str]) -> Entry | None:
    """The entry with the highest mean over these metrics; one that was not scored on a metric counts 0 there.

    What was trained on its questions leads nothing, and neither does what was asked fewer than the others, or left so
    many without an answer that its mean stands over other questions.
    """
    most = max((entry.run.done for entry in entries), default=0)
    whole = [entry for entry in entries if entry.run.done == most and nearly_all_answered(entry.run)]
    fair = [entry for entry in whole if not entry.seen]
    scored = [entry for entry in fair if any(_mean(entry, metric) is not None for metric in metrics)]
    return max(scored, key=lambda entry: sum(_mean(entry, metric) or 0.0 for metric in metrics), default=None)
