"""The prompt of a record as a tuned model will be asked: as it was sent, without the worked examples."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from llmopt_core.answering.context import answer_variables
from llmopt_core.errors import BadInput
from llmopt_core.experiments.configuration import Configuration, configuration_from
from llmopt_core.labs.finetuning.training_pairs import without_examples
from llmopt_core.prompts.messages import build_messages
from llmopt_core.types import Record


def without_shots(records: Iterable[Record], configuration: Mapping[str, Any]) -> list[Record]:
    """Records whose prompts are built anew without few-shot examples, which a tuned model has learned.

    In a conversation the examples' answers would be learned again with every record, and a tuned model is asked without
    them. A prompt that cannot be built anew stays as it was sent.

    Args:
        records: Of one run.
        configuration: The run's, as stored.
    """
    try:
        # Stored by an earlier version, or with a model that is gone.
        run_configuration = configuration_from(dict(configuration))
    except BadInput:
        return list(records)
    if run_configuration.prompt.few_shot is None:
        return list(records)
    short = without_examples(run_configuration)
    return [_rebuilt(record, short) for record in records]


def _rebuilt(record: Record, configuration: Configuration) -> Record:
    answer = record.answer
    # Failed answers have no prompt.
    if answer is None or not answer.prompt:
        return record
    # With examples a chat has several messages, a completion is always one text.
    mode = configuration.model.mode or ("completion" if len(answer.prompt) == 1 else "chat")
    hits = answer.hits if configuration.retrieval is not None else None
    # Answers of earlier steps stand in later prompts, so they are filled in as they were.
    variables = answer_variables(record.example, hits, mode) | dict(answer.steps)
    try:
        return replace(record, answer=replace(answer, prompt=build_messages(configuration.prompt, variables, mode)))
    except BadInput:
        return record
