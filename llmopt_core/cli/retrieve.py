"""`llmopt retrieve`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from llmopt_core.cli.output import (
    JsonOption,
    QuestionColumnOption,
    QuestionsEncodingOption,
    TrustOption,
    number,
    one_line,
    print_result,
)
from llmopt_core.cli.setup import note_long_questions, note_windows, open_models, open_workspace, read_experiment

if TYPE_CHECKING:
    from llmopt_core.experiments.configuration import Configuration
    from llmopt_core.experiments.experiment_file import Experiment
    from llmopt_core.retrieval.result import Retrieval
    from llmopt_core.types import Hit, StageTrace


# Less would be shown as 0.0 s.
_NOTABLE = 0.05


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(help="Show what a question finds, stage by stage.")(retrieve)


def retrieve(  # noqa: PLR0917
    file: Annotated[Path, typer.Argument(help="Experiment file (YAML).")],
    question: Annotated[str, typer.Option(help="What is asked.")],
    configuration: Annotated[str, typer.Option(help="Which configuration; the first that retrieves.")] = "",
    category: Annotated[str, typer.Option(help="The question's category, for routing.")] = "",
    column: QuestionColumnOption = None,
    questions_encoding: QuestionsEncodingOption = "",
    trust: TrustOption = False,
    json: JsonOption = "",
) -> None:
    """Retrieve for one question."""
    import asyncio

    experiment = read_experiment(file, column, questions_encoding, trust)
    selected_configuration = select_configuration(experiment, configuration)
    retrieval = asyncio.run(_retrieve(experiment, selected_configuration, question, category or None))
    # The hits in the order of their ranks; the trace below has those of every stage.
    values = {
        "configuration": selected_configuration.name,
        "question": question,
        "hits": [_hit(hit) for hit in retrieval.hits],
    }
    print_result(
        _text(selected_configuration.name, retrieval),
        {**values, "trace": [_stage(stage) for stage in retrieval.trace]},
        json,
    )


def select_configuration(experiment: Experiment, name: str) -> Configuration:
    """The named configuration, or the first that retrieves.

    Raises:
        BadInput: It retrieves nothing, or there is none.
    """
    from llmopt_core.errors import BadInput

    if name:
        selected_configuration = experiment.configuration(name)
        # Without retrieval there is nothing to find, however well it may answer.
        if selected_configuration.retrieval is None:
            raise BadInput(f"{name} has no retrieval; choose a configuration that has.")
        return selected_configuration
    for configuration in experiment.configurations:
        if configuration.retrieval is not None:
            return configuration
    raise BadInput(f"No configuration of {experiment.project} has retrieval.")


async def _retrieve(
    experiment: Experiment, configuration: Configuration, question: str, category: str | None
) -> Retrieval:
    from llmopt_core.errors import BadInput
    from llmopt_core.experiments.pipeline import Pipeline
    from llmopt_core.types import Example

    # Before the models are opened, which may load weights.
    if not question.strip():
        raise BadInput("--question is empty.")
    _, store = open_workspace()
    async with open_models(store, experiment) as models:
        # No examples: few-shot examples belong to the prompt, and nothing is answered here.
        pipeline = Pipeline(configuration, experiment.documents, (), experiment.judge, models)
        # Any id will do: it names the question in records, and none is written.
        retrieval = await pipeline.retrieve(Example("question", question, category=category))
        note_long_questions([configuration], [question], models)
        note_windows([configuration], experiment.documents, models, store)
        return retrieval


def _hit(hit: Hit) -> dict[str, Any]:
    chunk = hit.chunk
    place = {"document": chunk.document, "start": chunk.start, "end": chunk.end}
    return {**place, "text": chunk.text, "heading": chunk.heading, "score": hit.score}


def _stage(stage: StageTrace) -> dict[str, Any]:
    # As JSON: spans and texts instead of the program's own objects.
    return {
        "stage": stage.stage,
        "method": stage.method,
        "queries": list(stage.queries),
        "received": stage.received,
        "returned": len(stage.hits),
        "seconds": stage.seconds,
        # Loading an index or a model once is no part of what a question takes.
        "once_seconds": stage.once_seconds,
        "tokens": {"prompt": stage.usage.prompt_tokens, "completion": stage.usage.completion_tokens},
        "calls": stage.usage.calls,
        "cached_calls": stage.usage.cached_calls,
        "warning": stage.warning,
        "hits": [_hit(hit) for hit in stage.hits],
    }


def _text(name: str, retrieval: Retrieval) -> str:
    lines = [f"{name} finds {len(retrieval.hits)} chunks:"]
    for rank, hit in enumerate(retrieval.hits, 1):
        chunk = hit.chunk
        lines.append(f"{rank}. {chunk.document} {chunk.start}-{chunk.end}  score {number(hit.score)}")
        lines.append(f"   {one_line(chunk.text, 160)}")
    lines += ["", "stage by stage:"]
    for stage in retrieval.trace:
        best = f", best {one_line(stage.hits[0].chunk.text, 60)}" if stage.hits else ""
        # The first stage receives nothing: it is given the question alone.
        counts = f"{stage.received} in, {len(stage.hits)} out" if stage.received else f"{len(stage.hits)} out"
        # For an answer from the cache, what it took when it was asked: zero would make a stage look free.
        usage = stage.usage.original or stage.usage
        tokens = usage.prompt_tokens + usage.completion_tokens
        took = f"{stage.seconds * 1000:.0f} ms" + (f", {tokens} tokens" if tokens else "")
        # The time is from then as well, and not that of reading the cache.
        took += " when it was asked, now from the cache" if stage.usage.cached_calls else ""
        took += f" (once {stage.once_seconds:.1f} s to load)" if stage.once_seconds >= _NOTABLE else ""
        lines.append(f"  {stage.stage:<10} {stage.method:<18} {counts}, {took}{best}")
        # These two change or choose the question; for the others the queries are the same again.
        if stage.stage in ("transform", "route") and stage.queries:
            lines += [f"             {one_line(text, 160)}" for text in stage.queries]
        if stage.warning:
            lines.append(f"             warning: {stage.warning}")
    return "\n".join(lines)
