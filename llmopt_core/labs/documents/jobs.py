"""Writing questions as a kind of job."""

from __future__ import annotations

import time
from typing import Any

from llmopt_core.execution.progress import Progress as Pace
from llmopt_core.experiments.keys import documents_version
from llmopt_core.jobs.context import JobContext
from llmopt_core.jobs.kind import JobKind
from llmopt_core.labs.documents.question_writing.writer import Progress, WritingSpec, write_questions
from llmopt_core.runs.store import Store
from llmopt_core.runs.values import Project
from llmopt_core.types import Spec

DRAFT = "written-questions"
"""The kind of the draft that keeps what was written until it is reviewed."""


class WritingArguments(Spec):
    """What is written; see `write_questions`."""

    spec: WritingSpec
    budget_usd: float | None = None


def write(context: JobContext, arguments: WritingArguments) -> dict[str, Any]:
    """Write questions about the project's documents, unlike those that it has."""
    from llmopt_core.labs.documents.question_writing.review import draft_of

    start_time = time.monotonic()

    def show(progress: Progress) -> None:
        cached_calls = progress.usage.cached_calls
        # The time of a passage is about the same for all that are asked about.
        pace = Pace(progress.total, progress.done, cached_calls, started_at=start_time, now=time.monotonic())
        context.report(
            {
                "done": progress.done,
                "total": progress.total,
                "tokens": progress.usage.prompt_tokens + progress.usage.completion_tokens,
                "cost_usd": progress.usage.cost_usd,
                "left_usd": progress.left_usd,
                "cached": cached_calls,
                "seconds_left": pace.remaining_seconds(),
                "message": f"{progress.kept:,} questions so far",
            }
        )

    documents = context.store.documents(context.project)
    context.check_version("documents", documents_version(documents))
    known_questions = list_questions(context.store, context.project)
    result = context.work(
        lambda models: write_questions(
            arguments.spec, documents, models,
            known_questions=known_questions, budget_usd=arguments.budget_usd,
            on_progress=show, should_stop=context.should_cancel,
        )
    )  # fmt: skip
    # Kept at once: what was written and paid is there when the review is opened, even days later.
    context.store.save_draft(context.project, DRAFT, "", draft_of(result))
    return {"kept": len(result.candidates), "dropped": len(result.rejects), "cost_usd": result.usage.cost_usd}


def list_questions(store: Store, project: Project | str) -> list[str]:
    """Every question of the project's evaluation sets."""
    sets = store.evaluation_sets(project)
    return [example.question for item in sets for example in store.evaluation_set(project, item.name).examples]


WRITING = JobKind("question-writing", WritingArguments, write, "Writing questions")
