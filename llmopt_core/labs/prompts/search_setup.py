"""A search as it is chosen in a form: plain names and numbers, kept with its job."""

from __future__ import annotations

from pydantic import Field

from llmopt_core.errors import BadInput
from llmopt_core.evaluation.judges.judge import JudgeSpec
from llmopt_core.experiments.comparison_setup import VariantSetup, variants_of
from llmopt_core.experiments.configuration import Configuration
from llmopt_core.experiments.provenance import result_basis
from llmopt_core.experiments.search.task import (
    CHOICE,
    FEW_SHOT_EFFECT,
    Budget,
    SearchTask,
    sample_examples,
    with_prompt,
)
from llmopt_core.experiments.subset import runnable_examples
from llmopt_core.experiments.versions.prompts import FEW_SHOT, few_shot_from, newest_versions
from llmopt_core.models.registry import Models
from llmopt_core.prompts.spec import FewShotSpec
from llmopt_core.runs.question_splits import part_name, part_of
from llmopt_core.runs.store import Store
from llmopt_core.runs.values import Job, Project
from llmopt_core.types import EvaluationSet, Example, Spec
from llmopt_core.types.parts import CONFIRM, SEARCH


class SearchSetup(Spec):
    """What a search is about.

    Attributes:
        variant: Prompt, model and retrieval.
        questions: At most so many, drawn at random; None for all.
        keep_examples: Where few-shot examples repeat questions, leave out the questions in place of the examples.
    """

    variant: VariantSetup
    set_name: str
    metric: str
    judge: JudgeSpec = JudgeSpec()
    questions: int | None = Field(default=None, ge=1)
    # Half: the held-back part has to show a gain that the training part only promised.
    held_back: float = Field(default=0.5, gt=0, lt=1)
    seed: int = 0
    budget: Budget = Budget()
    concurrency: int = Field(default=4, ge=1)
    keep_examples: bool = False


def task_from(
    store: Store, project: Project | str, setup: SearchSetup, few_shot: FewShotSpec | None = None, source: str = ""
) -> SearchTask:
    """The search that was chosen.

    Args:
        store: Holds prompts, sets and documents.
        project: Whose they are.
        setup: What was chosen.
        few_shot: Takes the place of the prompt's own few-shot set, where given.
        source: What is searched, in words.

    Raises:
        BadInput: Something is missing or gone.
    """
    if not setup.set_name:
        raise BadInput("Choose an evaluation set.")
    configuration = _configuration(store, project, setup, few_shot)
    return task_for(store, project, setup, configuration, source or setup.variant.prompt)


def task_for(  # noqa: PLR0917
    store: Store,
    project: Project | str,
    setup: SearchSetup,
    configuration: Configuration,
    source: str,
    set_version: str | None = None,
    confirm_version: str = "",
) -> SearchTask:
    """What a search of that configuration measures: over the set as it was in a version, or as it is now.

    Over the search part of a split set, what it finds is confirmed on the confirm part.
    """
    # Questions with unsupported assertions could never pass.
    questions = runnable_examples(store.evaluation_set(project, setup.set_name, set_version))
    return SearchTask(
        project if isinstance(project, str) else project.name,
        configuration,
        sample_examples(questions, setup.questions, setup.seed),
        setup.metric,
        setup.judge,
        # Read only where they are searched.
        tuple(store.documents(project)) if configuration.retrieval is not None else (),
        setup.budget,
        setup.concurrency,
        setup.held_back,
        setup.seed,
        source,
        _confirm_examples(store, project, setup, confirm_version),
    )


def confirm_set(store: Store, project: Project | str, set_name: str, version: str = "") -> EvaluationSet | None:
    """The part that confirms what is found on this one; None where the set is no search part, or nothing confirms it.

    Raises:
        BadInput: The version is gone.
    """
    part = part_of(set_name)
    if part is None or part[1] != SEARCH:
        return None
    part_set = store.evaluation_set(project, part_name(part[0], CONFIRM), version or None)
    return part_set if part_set.examples else None


def _confirm_examples(store: Store, project: Project | str, setup: SearchSetup, version: str) -> tuple[Example, ...]:
    part = confirm_set(store, project, setup.set_name, version)
    return () if part is None else sample_examples(runnable_examples(part), setup.questions, setup.seed).examples


def search_basis(
    store: Store,
    project: Project | str,
    setup: SearchSetup,
    models: Models,
    *,
    documents: str,
    few_shot: FewShotSpec | None = None,
) -> dict[str, str]:
    """What the result of a search rests on, as all of it is now.

    Args:
        store: Holds prompts and sets.
        project: Whose they are.
        setup: What was chosen.
        models: Those behind its names.
        documents: Version of the project's documents.
        few_shot: As in `task_from`.

    Raises:
        BadInput: A prompt, set or configuration is gone.
    """
    configuration = _configuration(store, project, setup, few_shot)
    versions = {item.name: item.version for item in store.evaluation_sets(project, parts=True)}
    if setup.set_name not in versions:
        raise BadInput(f"The evaluation set {setup.set_name} is gone.")
    questions = versions[setup.set_name]
    return result_basis(configuration, models, questions=questions, documents=documents, judge=setup.judge)


def basis_now(store: Store, project: Project | str, job: Job, models: Models, documents: str) -> dict[str, str]:
    """What a search that was made would rest on now: its setup with the newest versions of what that names.

    Raises:
        BadInput: Something of it is gone, or another version of the program made it.
    """
    try:
        setup = SearchSetup.model_validate(job.arguments.get("setup"))
    except ValueError:
        # `ValidationError` is a `ValueError`; a value that is no mapping is one, too.
        raise BadInput("Another version of the app made this.") from None
    few_shot = None
    # Their subject is a saved set, whose newest version would be searched now.
    if job.kind in (FEW_SHOT_EFFECT, CHOICE):
        version = newest_versions(store, project, FEW_SHOT).get(str(job.arguments.get("subject")))
        if version is None:
            raise BadInput(f"The few-shot set {job.arguments.get('subject')} is gone.")
        few_shot = few_shot_from(version.body)
    return search_basis(store, project, setup, models, documents=documents, few_shot=few_shot)


def _configuration(
    store: Store, project: Project | str, setup: SearchSetup, few_shot: FewShotSpec | None
) -> Configuration:
    (configuration,) = variants_of(store, project, [setup.variant])
    return configuration if few_shot is None else with_prompt(configuration, few_shot=few_shot)


def search_jobs(store: Store, project: Project | str, kind: str, subject: str) -> list[Job]:
    """Searches of one few-shot set or prompt, newest first."""
    return [job for job in store.jobs(project) if job.kind == kind and job.arguments.get("subject") == subject]
