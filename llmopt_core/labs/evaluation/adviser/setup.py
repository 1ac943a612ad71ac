"""The first steps of a project: what has to be there before anything can be improved."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from llmopt_core.labs.evaluation.adviser.step import Proposal, Step
from llmopt_core.reporting.formatting import plural
from llmopt_core.runs.values import SavedConfiguration


@dataclass(frozen=True, slots=True)
class ProjectSetup:
    """What a project has, and what is being worked on.

    Attributes:
        configurations: Those that are listed.
        set_size: How many questions the set of the runs has; None where it is gone.
        running: The configurations that are being evaluated now.
        evaluated: Fingerprints of what was run on that set.
        at_work: What else is being worked on, by the tab of the step that it is.
    """

    documents: int
    questions: int
    configurations: Sequence[SavedConfiguration] = ()
    set_size: int | None = None
    running: Collection[str] = ()
    evaluated: Collection[str] = ()
    at_work: Mapping[str, str] = field(default_factory=dict)


NO_BASELINE = Step(
    "baseline",
    "Make a first configuration and run it",
    "Nothing is measured yet. A plain prompt is the baseline that everything else must beat.",
    "evaluation",
    "Configurations",
    expected="A number to start from, and records that say what fails.",
    cost="One run over your questions; the built-in model is free.",
)


NOT_MEASURED = Step(
    "baseline",
    "Measure what there is",
    "Answers are there, and no reference answers or metrics that say whether they are right: that is the baseline.",
    "evaluation",
    "Questions",
    expected="A number to start from, and records that say what fails.",
    cost="Free with the built-in judge.",
)


def missing_parts(setup: ProjectSetup) -> list[Step]:
    """Each of these is missed by all that comes after, so nothing else is said before."""
    steps = []
    if not setup.documents:
        steps.append(
            Step("documents", "Add documents", "The texts your feature should answer from.", "documents", "Files")
        )
    if not setup.questions:
        reason = "Twenty with a reference answer are a start."
        steps.append(Step("questions", "Add questions", reason, "evaluation", "Questions"))
    if not setup.configurations:
        reason = "A plain prompt is the baseline that everything else must beat."
        steps.append(
            Step("baseline", "Make a first configuration", reason, "evaluation", "Configurations",
                 proposal=plain_baseline())
        )  # fmt: skip
    return steps


def plain_baseline() -> Proposal:
    """The question and nothing else, to the built-in model."""
    from llmopt_core.experiments.configuration import Configuration
    from llmopt_core.prompts.spec import PromptSpec

    prompt = PromptSpec(system="Answer the question in a few words.", template="Question: {{ question }}\nAnswer:")
    spec = Configuration(name="baseline", prompt=prompt).model_dump(mode="json", exclude={"name"})
    return Proposal("", "baseline", spec)


def missing_runs(setup: ProjectSetup, has_runs: bool) -> list[Step]:
    """What is being evaluated, and what was never run."""
    running_names = [item.name for item in setup.configurations if item.name in setup.running]
    # By contents: one that has another name since its run was run, one with other contents under its name was not.
    missing_names = [
        item.name
        for item in setup.configurations
        if item.fingerprint not in setup.evaluated and item.name not in running_names
    ]
    return [*_running(running_names), *([_not_run(missing_names, setup, has_runs)] if missing_names else [])]


def _running(names: Sequence[str]) -> list[Step]:
    if not names:
        return []
    reason = f"{_join_names(names)}: running now, in the background. The results come in by themselves."
    return [Step("running", f"Evaluating {plural(len(names), 'configuration')}", reason, "evaluation", "Run")]


def _not_run(names: Sequence[str], setup: ProjectSetup, has_runs: bool) -> Step:
    first = "The built-in model needs no key and takes a minute or two."
    reason = f"Not run on this set yet: {_join_names(names)}." if has_runs or setup.running else first
    rule = "evaluate" if has_runs else "baseline"
    title = f"Evaluate {plural(len(names), 'configuration')}"
    return Step(rule, title, reason, "evaluation", "Run", preparation="choose", configurations=tuple(names))


def _join_names(names: Sequence[str], most: int = 3) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return f"{', '.join(names[:most])}{more}"
