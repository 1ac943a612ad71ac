"""Training pairs of data questions: the prompt that asks for a query, and the query that is right."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from llmopt_core.answering.answer import mode_of
from llmopt_core.answering.tools.sql.prompt import query_messages
from llmopt_core.answering.tools.sql.solved import choose_solved
from llmopt_core.errors import BadInput
from llmopt_core.experiments.configuration import Configuration
from llmopt_core.experiments.data_stage import DataStage
from llmopt_core.finetuning.data.examples import ChatMessage, TrainingExample, TrainingSet
from llmopt_core.models.openai.wire_messages import message_body
from llmopt_core.models.registry import Models
from llmopt_core.prompts.messages import Mode
from llmopt_core.types import Example


async def query_pairs(
    configurations: Sequence[Configuration], examples: Sequence[Example], models: Models, *, name: str = "queries"
) -> TrainingSet:
    """One pair for each configuration and example, as the configuration would ask for the query.

    Several configurations teach a model to use solved queries where they stand in its prompt, and to do without. The
    group of each pair is its query, so that a split keeps the wordings of a question together.

    Args:
        configurations: With data sources; what would be drafted or voted on is left out.
        examples: Questions with right queries; keep them out of the evaluation.
        models: Of the current event loop.
        name: Of the training set.

    Raises:
        BadInput: No example has a right query, or a source cannot be read.
    """
    usable = [example for example in examples if example.gold_queries]
    if not usable:
        raise BadInput("No example has a right query to learn; add a column `sql` to the questions.")
    pairs = [
        await _pair(configuration, DataStage(configuration, models), example, mode_of(configuration.model, models))
        for configuration in configurations
        for example in usable
    ]
    return TrainingSet(name, tuple(pairs))


async def _pair(configuration: Configuration, stage: DataStage, example: Example, mode: Mode) -> TrainingExample:
    spec = configuration.data
    if spec is None:
        raise BadInput(f"{configuration.name} has no data source, so it asks for no query.")
    database = stage.database(example)
    view = await database.view(example.question, spec, stage.encode)
    choose = (spec, example.question, view.words, database.dialect, stage.encode)
    solved = await asyncio.to_thread(choose_solved, *choose)
    messages = query_messages(spec, view.text, example.question, database.dialect, solved, mode)
    body: list[ChatMessage] = [message_body(message) for message in messages]
    target = _target(example.gold_queries[0], mode)
    return TrainingExample(
        (*body, {"role": "assistant", "content": target}),
        label=configuration.name,
        group=example.gold_queries[0],
        source=f"question {example.id}",
    )


def _target(query: str, mode: Mode) -> str:
    if mode == "chat":
        return f"```sql\n{query}\n```"
    # The prompt ends with SELECT, and the semicolon is where the model shall stop.
    rest = query.strip().rstrip(";").strip()
    return f"{rest[6:].strip()};" if rest[:6].upper() == "SELECT" else f"{rest};"
