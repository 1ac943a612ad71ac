"""Fine-tuning meets retrieval: training pairs made by a configuration, and the comparison base/tuned x plain/RAG."""

from __future__ import annotations

from collections.abc import Sequence

from llmopt_core.answering.answer import mode_of
from llmopt_core.answering.context import answer_variables
from llmopt_core.errors import BadInput
from llmopt_core.evaluation.judges.judge import JudgeSpec
from llmopt_core.execution.concurrency import map_concurrently
from llmopt_core.experiments.configuration import Configuration
from llmopt_core.experiments.pipeline import Pipeline
from llmopt_core.finetuning.data.examples import ChatMessage, TrainingExample, TrainingSet
from llmopt_core.models.base import ModelSpec
from llmopt_core.models.openai.wire_messages import message_body
from llmopt_core.models.registry import Models
from llmopt_core.prompts.messages import build_messages
from llmopt_core.types import Document, Example, Failure

ARMS = ("base", "base + RAG", "fine-tuned", "fine-tuned + RAG")


async def training_pairs(
    configuration: Configuration,
    documents: Sequence[Document],
    examples: Sequence[Example],
    models: Models,
    *,
    name: str = "pairs",
) -> TrainingSet:
    """Questions with their reference answers as the configuration would ask them: its prompt, its retrieved chunks.

    Examples without a reference are left out. The group of each pair is the document of its answer, so that a split
    keeps documents apart.

    Args:
        configuration: Its few-shot examples are left out: a tuned model needs none.
        documents: What it retrieves from; keep them out of the evaluation.
        examples: Questions with references.
        models: Of the current event loop.
        name: Of the training set.

    Raises:
        BadInput: No example has a reference, or retrieval failed; says why.
    """
    zero_shot = without_examples(configuration)
    pipeline = Pipeline(zero_shot, documents, (), JudgeSpec(), models)
    mode = mode_of(zero_shot.model, models)

    async def pair(example: Example) -> TrainingExample:
        # Without retrieval None, which leaves the context out of the prompt; an empty list would leave it blank.
        hits = (await pipeline.retrieve(example)).hits if zero_shot.retrieval is not None else None
        messages = build_messages(zero_shot.prompt, answer_variables(example, hits, mode), mode)
        return _pair([message_body(message) for message in messages], example)

    # Spaces are no answer to learn.
    usable = [example for example in examples if (example.reference or "").strip()]
    if not usable:
        raise BadInput("No example has a reference answer to learn; add reference answers to the questions.")
    if zero_shot.retrieval is not None:
        # The index once, and not by the first of four at the same time.
        await pipeline.prepare(usable)
    # Four at once, as evaluations do.
    results = await map_concurrently(usable, pair, concurrency=4, stage="training pairs")
    for result in results:
        if isinstance(result, Failure):
            # One failure ends it: pairs without their passages would teach to answer from nothing.
            raise BadInput(f"The training pairs could not be made: {result.message}")
    return TrainingSet(name, tuple(r for r in results if isinstance(r, TrainingExample)))


def _pair(messages: list[ChatMessage], example: Example) -> TrainingExample:
    return TrainingExample(
        (*messages, {"role": "assistant", "content": (example.reference or "").strip()}),
        label=example.category or "",
        group=example.references[0].document if example.references else "",
        # The id leads back to the question when training and evaluation are compared.
        source=f"question {example.id}",
    )


def without_examples(configuration: Configuration) -> Configuration:
    """The configuration with an empty few-shot set."""
    # Few-shot examples in a prompt would be learned again with every pair.
    prompt = configuration.prompt.model_copy(update={"few_shot": None})
    return configuration.model_copy(update={"prompt": prompt})


def two_by_two(plain: Configuration, rag: Configuration, tuned_model: ModelSpec) -> tuple[Configuration, ...]:
    """Four configurations: base and tuned model, each without and with retrieval, named by `ARMS`.

    The tuned model is asked without few-shot examples, with the sampling settings of the base.

    Raises:
        BadInput: The first retrieves, or the second does not.
    """
    if plain.retrieval is not None or rag.retrieval is None:
        raise BadInput("The comparison needs one configuration without retrieval and one with it.")
    arms = [plain, rag, *(with_tuned_model(without_examples(c), tuned_model) for c in (plain, rag))]
    return tuple(c.model_copy(update={"name": name}) for name, c in zip(ARMS, arms, strict=True))


def with_tuned_model(configuration: Configuration, tuned_model: ModelSpec) -> Configuration:
    """The configuration asked of the tuned model, all else equal.

    Run both on a general evaluation set to see what the tuned model has forgotten.
    """
    # Only who answers; temperature and limits of the base stay, so that nothing else differs.
    values = {key: getattr(tuned_model, key) for key in ("endpoint", "name", "mode", "adapter")}
    return configuration.model_copy(update={"model": configuration.model.model_copy(update=values)})
