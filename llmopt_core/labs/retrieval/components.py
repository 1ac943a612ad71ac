"""The parts of a configuration that can be left out."""

from __future__ import annotations

from collections.abc import Sequence

from llmopt_core.errors import BadInput
from llmopt_core.evaluation.judges.judge import JudgeSpec
from llmopt_core.experiments.configuration import Configuration
from llmopt_core.models.base import EmbeddingSpec, ModelSpec
from llmopt_core.models.registry import Models
from llmopt_core.retrieval.ablation import variants
from llmopt_core.retrieval.spec import RetrievalSpec

FACT_CHECK, REFUSAL, FACT_CHECK_AND_REFUSAL = "without fact check", "without refusal", "without fact check and refusal"


def retrieval_of(configuration: Configuration) -> RetrievalSpec:
    """How it retrieves.

    Raises:
        BadInput: It does not.
    """
    if configuration.retrieval is None:
        raise BadInput(f"{configuration.name} has no retrieval; choose a configuration that looks things up.")
    return configuration.retrieval


def components(configuration: Configuration, answers: bool = False) -> dict[str, Configuration]:
    """The configuration with each component left out, by a name such as `without bm25`.

    Raises:
        BadInput: It retrieves nothing.
    """
    configurations = {
        name: configuration.model_copy(update={"retrieval": spec, "name": _part_name(configuration, name)})
        for name, spec in variants(retrieval_of(configuration)).items()
    }
    return configurations | (_without_fact_check(configuration) if answers else {})


def _without_fact_check(configuration: Configuration) -> dict[str, Configuration]:
    """Fact check and refusal left out; both too where both are there, since either still asks the judge they share."""
    fact_check, configurations = configuration.fact_check, {}
    # "none" checks nothing, so there is nothing to leave out.
    if fact_check is not None and fact_check.method != "none":
        without = fact_check.model_copy(update={"method": "none"})
        configurations[FACT_CHECK] = _with_fact_check(configuration, without, FACT_CHECK)
    if fact_check is not None and fact_check.refuse_unsupported:
        without = fact_check.model_copy(update={"refuse_unsupported": False})
        configurations[REFUSAL] = _with_fact_check(configuration, without, REFUSAL)
    if len(configurations) > 1:
        configurations[FACT_CHECK_AND_REFUSAL] = _with_fact_check(configuration, None, FACT_CHECK_AND_REFUSAL)
    return configurations


AskedModel = ModelSpec | EmbeddingSpec


def list_asked_models(configuration: Configuration, answers: bool, judge: JudgeSpec) -> tuple[AskedModel, ...]:
    """Every model at an endpoint that the work may call: chat models, and embedding models."""
    embeddings = [judge.embedding] if answers else []
    embeddings += [] if configuration.retrieval is None else [configuration.retrieval.embedding]
    # Local ones cost nothing and need no price.
    more = tuple(spec for spec in embeddings if spec.endpoint)
    if not answers:
        # Its own model and its check are not asked: plain ones in their place leave transform, rerank and routing.
        return (*configuration.model_copy(update={"model": ModelSpec(), "fact_check": None}).models, *more)
    return (*configuration.models, *(() if judge.is_builtin else (judge.chat_model,)), *more)


def is_free(asked_models: Sequence[AskedModel], models: Models) -> bool:
    """Whether every price is known and zero.

    Raises:
        BadInput: An endpoint is unknown.
    """
    return all(cost == 0 for cost in _costs(asked_models, models))


def is_priced(asked_models: Sequence[AskedModel], models: Models) -> bool:
    """Whether every price is known, as a budget needs it. Errors as in `is_free`."""
    return all(cost is not None for cost in _costs(asked_models, models))


def _costs(asked_models: Sequence[AskedModel], models: Models) -> list[float | None]:
    """What a million tokens cost, read and, where the model writes, written."""
    costs = []
    for spec in asked_models:
        endpoint, writes = models.endpoint(spec.endpoint), isinstance(spec, ModelSpec)
        price = endpoint.price_of((spec.name if isinstance(spec, ModelSpec) else spec.model) or endpoint.default_model)
        # A million of each, the amount that prices are for.
        costs.append(None if price is None else price.cost(1e6, 1e6 * writes))
    return costs


def _part_name(configuration: Configuration, part: str) -> str:
    return f"{configuration.name} {part}"[:200]


def _with_fact_check(configuration: Configuration, fact_check: object, part: str) -> Configuration:
    return configuration.model_copy(update={"fact_check": fact_check, "name": _part_name(configuration, part)})
