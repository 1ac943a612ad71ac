"""Writing questions as a job. Never calls Streamlit."""

from __future__ import annotations

import time
from collections.abc import Callable, Coroutine, Sequence
from typing import TYPE_CHECKING, Any

from llmopt_core.types import Document

if TYPE_CHECKING:
    from llmopt_core.jobs.context import JobContext
    from llmopt_core.labs.documents.question_writing.write import Progress, WritingSpec
    from llmopt_core.models.registry import Models

KIND, DRAFT = "question-writing", "written-questions"
Work = Callable[["JobContext"], Coroutine[Any, Any, dict[str, Any]]]


def writing_work(  # noqa: PLR0917
    project: str,
    spec: WritingSpec,
    documents: Sequence[Document],
    known: Sequence[str],
    budget_usd: float | None,
    make_models: Callable[[], Models],
) -> Work:
    """The work of the job: what was written is kept as a draft until it is reviewed."""

    async def work(context: JobContext) -> dict[str, Any]:
        from llmopt_core.labs.documents.question_writing.review import draft_of
        from llmopt_core.labs.documents.question_writing.write import write_questions

        started = time.monotonic()

        def show(progress: Progress) -> None:
            left = (time.monotonic() - started) / max(1, progress.done) * (progress.total - progress.done)
            context.report(
                {
                    "done": progress.done,
                    "total": progress.total,
                    "tokens": progress.usage.prompt_tokens + progress.usage.completion_tokens,
                    "cost_usd": progress.usage.cost_usd,
                    "left_usd": progress.left_usd,
                    "cached": progress.usage.cached_calls,
                    "seconds_left": left,
                    "message": f"{progress.kept:,} questions so far",
                }
            )

        async with make_models() as models:
            made = await write_questions(
                spec, documents, models, known=known, budget_usd=budget_usd, on_progress=show,
                should_stop=context.should_cancel,
            )  # fmt: skip
        context.store.save_draft(project, DRAFT, "", draft_of(made))
        return {"kept": len(made.kept), "dropped": len(made.dropped), "cost_usd": made.usage.cost_usd}

    return work
