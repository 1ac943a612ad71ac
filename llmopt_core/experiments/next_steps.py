"""What to do next in a project, from what is there and what the last scores say. Plain rules, a handful at most."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from llmopt_core.evaluation.metrics.catalogue import CORRECTNESS, metric_title
from llmopt_core.experiments.caveats import RunCaveats
from llmopt_core.experiments.outcome import is_nearly_complete
from llmopt_core.reporting.formatting import plural, score
from llmopt_core.runs.values import Run, SavedConfiguration
from llmopt_core.statistics.intervals import Summary
from llmopt_core.statistics.paired_comparison import Comparison

Area = Literal["documents", "prompts", "retrieval", "finetuning", "evaluation"]

# Below it the lab that can raise a metric has more to give than the next one.
_LOW = 0.7
# With fewer questions a difference of .1 is seldom told from chance.
_FEW = 100
# More would be a list, and no advice.
_MOST = 4


@dataclass(frozen=True, slots=True)
class Step:
    """One suggestion: what to do, why, and where.

    Attributes:
        area: The lab that it is done in, as the folders of the labs and the pages are named.
        view: The tab of that page; empty where it has none.
    """

    title: str
    why: str
    area: Area
    view: str = ""


@dataclass(frozen=True)
class MeasuredRun:
    """One configuration's run among those compared.

    Attributes:
        name: Unique among them; an earlier version of a configuration carries its fingerprint.
        summaries: By metric.
        comparisons: Against the baseline, by metric, where both have scores; empty for the baseline itself.
        caveats: What its tuned parts were trained on, and its documents.
    """

    name: str
    run: Run
    summaries: Mapping[str, Summary]
    comparisons: Mapping[str, Comparison]
    is_baseline: bool = False
    caveats: RunCaveats | None = None

    @property
    def overlap_count(self) -> int:
        """How many of its questions it was trained on."""
        return self.caveats.overlap_count if self.caveats else 0


@dataclass(frozen=True, slots=True)
class ProjectState:
    """What a project has, and how it stands.

    Attributes:
        configurations: Those that are listed.
        entries: The latest leaderboard; empty before the first evaluation.
        leader: The entry that leads, if any.
        set_size: How many questions the set of the entries has; None where it is gone.
        running: The configurations that are being evaluated now.
        evaluated: Fingerprints of what was run on the set of the entries, also where it is not among them.
        at_work: What else is being worked on, by the tab of the step that it is.
    """

    documents: int
    questions: int
    configurations: Sequence[SavedConfiguration]
    entries: Sequence[MeasuredRun]
    leader: MeasuredRun | None
    set_size: int | None = None
    running: Collection[str] = ()
    evaluated: Collection[str] = ()
    at_work: Mapping[str, str] = field(default_factory=dict)


def next_steps(state: ProjectState) -> list[Step]:
    """The most useful steps first."""
    steps = _to_set_up(state) or [*_to_run(state), *([] if state.running else _to_improve(state))]
    return [_mark_running(step, state.at_work.get(step.view, "")) for step in steps[:_MOST]]


def _mark_running(step: Step, work: str) -> Step:
    return replace(step, why=f"Running now: {work}. {step.why}") if work else step


def _to_set_up(state: ProjectState) -> list[Step]:
    # Each of these is missed by all that comes after, so nothing else is said before.
    steps = []
    if not state.documents:
        steps.append(Step("Add documents", "The texts your feature should answer from.", "documents"))
    if not state.questions:
        steps.append(Step("Add questions", "Twenty with a reference answer are a start.", "evaluation", "Questions"))
    if not state.configurations:
        steps.append(
            Step(
                "Make a first configuration",
                "A plain prompt is the baseline that everything else must beat.",
                "evaluation",
                "Configurations",
            )
        )
    return steps


def _to_run(state: ProjectState) -> list[Step]:
    # By contents: one that has another name since its run was run, one with other contents under its name was not.
    run = {*state.evaluated, *(entry.run.fingerprint for entry in state.entries)}
    running_names = [item.name for item in state.configurations if item.name in state.running]
    missing_names = [
        item.name for item in state.configurations if item.fingerprint not in run and item.name not in running_names
    ]
    return [*_now_run(running_names), *([_not_run(state, missing_names)] if missing_names else [])]


def _now_run(running: Sequence[str]) -> list[Step]:
    if not running:
        return []
    subject = plural(len(running), "configuration")
    reason = f"{_join_names(running)}: running now, in the background. The results come in by themselves."
    return [Step(f"Evaluating {subject}", reason, "evaluation", "Run")]


def _not_run(state: ProjectState, waiting: Sequence[str]) -> Step:
    first = "The built-in model needs no key and takes a minute or two."
    reason = f"Not run on this set yet: {_join_names(waiting)}." if state.entries or state.running else first
    return Step(f"Evaluate {plural(len(waiting), 'configuration')}", reason, "evaluation", "Run")


def _join_names(names: Sequence[str], most: int = 3) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return f"{', '.join(names[:most])}{more}"


def _to_improve(state: ProjectState) -> list[Step]:
    leader = state.leader
    if leader is None:
        return [*_fresh_questions(state), *_failures(state)]
    return [
        *_fresh_questions(state),
        *_failures(state),
        *_knowledge(state, leader),
        *_behaviour(state, leader),
        *_certainty(state, leader),
    ]


def _fresh_questions(state: ProjectState) -> list[Step]:
    """A score on questions that were trained on has to be measured again on others."""
    overlapping_entries = [entry for entry in state.entries if entry.overlap_count]
    if not overlapping_entries:
        return []
    first = overlapping_entries[0]
    others = f" (and {len(overlapping_entries) - 1} more)" if len(overlapping_entries) > 1 else ""
    part = f"{first.overlap_count} of its {first.run.total} questions"
    reason = f"{first.name}{others} was trained on {part}: its score says nothing about new ones."
    return [Step("Add fresh questions", reason, "evaluation", "Questions")]


def _failures(state: ProjectState) -> list[Step]:
    worst = max(state.entries, key=lambda entry: entry.run.failed, default=None)
    if worst is None or not worst.run.failed:
        return []
    return [
        Step(
            f"Look at {plural(worst.run.failed, 'failed record')}",
            f"Those of {worst.name} count as not scored; resuming the run tries them again.",
            "evaluation",
            "Results",
        )
    ]


def _specs(state: ProjectState) -> list[dict[str, Any]]:
    return [item.spec for item in state.configurations]


def _knowledge(state: ProjectState, leader: MeasuredRun) -> list[Step]:
    """What the model needs to know: context optimization."""
    if not any(spec.get("retrieval") for spec in _specs(state)):
        return [
            Step(
                "Give the model your documents",
                "No configuration retrieves yet, so every answer comes from memory.",
                "evaluation",
                "Configurations",
            )
        ]
    recall, precision = _mean(leader, "context_recall"), _mean(leader, "context_precision")
    if _is_low(recall):
        advice = "the chunks often miss the answer. Find a better chunk size, or add hybrid search."
        return [_raise(leader, "context_recall", advice, "documents", "Sweep")]
    if _is_low(precision):
        advice = "useful chunks stand behind useless ones. Try reranking, or fewer chunks."
        return [_raise(leader, "context_precision", advice, "retrieval", "Whole set")]
    return []


def _behaviour(state: ProjectState, leader: MeasuredRun) -> list[Step]:
    """How the model needs to act: LLM optimization."""
    steps = []
    if _is_low(_mean(leader, "faithfulness")):
        advice = "answers say what the chunks don't. Try clearer instructions, examples, or a stronger model."
        steps.append(_raise(leader, "faithfulness", advice, "prompts", "Side by side"))
    elif _is_low(_mean(leader, "answer_relevancy")):
        advice = "answers pass the question by. Try clearer instructions or few-shot examples."
        steps.append(_raise(leader, "answer_relevancy", advice, "prompts", "Editor"))
    return [*steps, *_training(state, leader)]


def _training(state: ProjectState, leader: MeasuredRun) -> list[Step]:
    """It is given what it needs and still answers badly: what is missing is behaviour."""
    recall, correct = _mean(leader, "context_recall"), _mean(leader, CORRECTNESS)
    has_adapter = any((spec.get("model") or {}).get("adapter") for spec in _specs(state))
    # Training adds no knowledge: where the answer is not among the chunks, retrieval comes first.
    if has_adapter or recall is None or recall < _LOW or not _is_low(correct):
        return []
    reason = (
        f"{leader.name} is given the answer (context recall {score(recall)}) but its answer F1 is "
        f"{score(correct)}: it has the knowledge, training can teach it how to answer."
    )
    return [Step("Fine-tune the model", reason, "finetuning", "Training data")]


def _is_low(value: float | None) -> bool:
    return value is not None and value < _LOW


def _raise(leader: MeasuredRun, metric: str, advice: str, area: Area, view: str) -> Step:
    reason = f"{score(_mean(leader, metric))} for {leader.name}: {advice}"
    return Step(f"Raise {metric_title(metric).lower()}", reason, area, view)


def _certainty(state: ProjectState, leader: MeasuredRun) -> list[Step]:
    unsure = [c for entry in state.entries for c in entry.comparisons.values() if c.verdict == "cannot tell"]
    if not unsure or len(state.entries) < 2:
        return []
    # A comparison has no more pairs than the shorter of its two runs.
    size = min(entry.run.done for entry in state.entries)
    if size >= _FEW:
        return []
    remaining = (state.set_size or 0) - size
    if remaining > 0:
        reason = f"{size} of {state.set_size} were asked of each: some differences cannot be told from chance yet."
        return [Step(f"Evaluate the other {plural(remaining, 'question')}", reason, "evaluation", "Run")]
    return [
        Step(
            "Add questions",
            f"With {size} questions some differences cannot be told from chance.",
            "evaluation",
            "Questions",
        )
    ]


def _mean(entry: MeasuredRun, metric: str) -> float | None:
    summary = entry.summaries.get(metric)
    return None if summary is None else summary.mean


def leader_of(entries: Sequence[MeasuredRun], metrics: Sequence[str]) -> MeasuredRun | None:
    """The entry with the highest mean over these metrics; one that was not scored on a metric counts 0 there.

    What was trained on its questions leads nothing, and neither does what was asked fewer than the others, or left so
    many without an answer that its mean stands over other questions.
    """
    largest_size = max((entry.run.done for entry in entries), default=0)
    complete_entries = [entry for entry in entries if entry.run.done == largest_size and is_nearly_complete(entry.run)]
    fair_entries = [entry for entry in complete_entries if not entry.overlap_count]
    candidates = [entry for entry in fair_entries if any(_mean(entry, metric) is not None for metric in metrics)]
    # A sum orders them as a mean would, as all are over the same metrics.
    return max(candidates, key=lambda entry: sum(_mean(entry, metric) or 0.0 for metric in metrics), default=None)
