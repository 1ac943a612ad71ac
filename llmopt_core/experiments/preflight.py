"""Look before spending: can this configuration run on this set at all?"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from llmopt_core.answering.data_answer import RESULT
from llmopt_core.errors import BadInput
from llmopt_core.evaluation.assertions.check import assertions_of, threshold_of
from llmopt_core.evaluation.judges.judge import JudgeSpec
from llmopt_core.evaluation.metrics.registry import METRICS, check_names
from llmopt_core.experiments.configuration import Configuration
from llmopt_core.experiments.data_preflight import check_data, check_gold_metrics, retrieves, writes_queries
from llmopt_core.models.base import EmbeddingSpec, ModelSpec
from llmopt_core.models.registry import Models
from llmopt_core.prompts.messages import find_undefined_variables
from llmopt_core.types import GOLD_VARIABLE, Document, EvaluationSet, Example


def check_run(  # noqa: PLR0917
    configuration: Configuration,
    evaluation_set: EvaluationSet,
    documents: Sequence[Document],
    metrics: Sequence[str],
    judge: JudgeSpec,
    models: Models,
    budget_usd: float | None = None,
) -> None:
    """Refuse a run that could only fail.

    Raises:
        BadInput: The set is empty, a metric, endpoint or prompt variable is unknown, a check is wrong, documents are
            missing, or a budget is set and a price is not known.
    """
    name = configuration.name
    if not evaluation_set.examples:
        raise BadInput(f"The evaluation set {evaluation_set.name} has no examples; add some first.")
    if retrieves(configuration) and not documents:
        raise BadInput(f"{name} retrieves, but there are no documents; add some, or take retrieval out.")
    check_names(metrics)
    check_gold_metrics(metrics, evaluation_set)
    for example in evaluation_set.examples:
        # Called for their refusals alone.
        assertions_of(example), threshold_of(example)
    missing = _missing_variables(configuration, evaluation_set)
    if missing:
        # Of several the same one each time, whatever the order of a set.
        raise BadInput(_variable_problem(name, sorted(missing)[0], evaluation_set, configuration))
    check_data(configuration, evaluation_set)
    chat_models = list(_list_models(configuration, metrics, judge, evaluation_set.examples))
    for spec in chat_models:
        models.endpoint(spec.endpoint)
    if configuration.retrieval is not None and configuration.retrieval.embedding.endpoint:
        models.endpoint(configuration.retrieval.embedding.endpoint)
    if budget_usd is not None:
        check_budget(budget_usd, chat_models, models, _embeddings(configuration, judge))


def _missing_variables(configuration: Configuration, evaluation_set: EvaluationSet) -> set[str]:
    try:
        return find_undefined_variables(configuration.prompt, _variables(evaluation_set.examples, configuration))
    except BadInput as error:
        reason = str(error)
        raise BadInput(f"The prompt of {configuration.name}: {reason[0].lower()}{reason[1:]}") from error


def _list_models(
    configuration: Configuration, metrics: Sequence[str], judge: JudgeSpec, examples: Sequence[Example]
) -> Iterable[ModelSpec]:
    yield from configuration.models
    grades = any("judge" in METRICS[name].needs for name in metrics)
    if not judge.is_builtin and (grades or any(_needs_judge(example) for example in examples)):
        yield judge.chat_model


def _needs_judge(example: Example) -> bool:
    return any(assertion.type in ("llm-rubric", "metric") for assertion in assertions_of(example))


def _embeddings(configuration: Configuration, judge: JudgeSpec) -> Iterable[EmbeddingSpec]:
    yield judge.embedding
    if configuration.retrieval is not None:
        yield configuration.retrieval.embedding


def _variables(examples: Sequence[Example], configuration: Configuration) -> list[str]:
    """Variables that at least one example has; one that lacks it becomes a failed record."""
    columns = {name for example in examples for name in example.variables}
    if configuration.data is not None:
        # The right query is shown to no prompt; `sql` is the one that was written.
        columns -= {GOLD_VARIABLE}
    if writes_queries(configuration):
        columns |= {RESULT, GOLD_VARIABLE}
    return ["question", *columns, *(["context", "documents"] if configuration.retrieval is not None else [])]


def _variable_problem(name: str, variable: str, evaluation_set: EvaluationSet, configuration: Configuration) -> str:
    if variable in ("context", "documents"):
        return f"The prompt of {name} uses {{{{ {variable} }}}}, but {name} retrieves nothing; add retrieval to it."
    if variable == RESULT:
        return f"The prompt of {name} uses {{{{ {RESULT} }}}}, but {name} asks no data source; add data to it."
    usable_names = ", ".join(sorted(_variables(evaluation_set.examples, configuration)))
    return (
        f"The prompt of {name} uses {{{{ {variable} }}}}, which is no column of {evaluation_set.name}; "
        f"usable are: {usable_names}."
    )


def check_budget(
    budget_usd: float,
    specs: Iterable[ModelSpec | EmbeddingSpec],
    models: Models,
    embeddings: Iterable[EmbeddingSpec] = (),
) -> None:
    """Refuse a budget that could not be kept.

    Args:
        budget_usd: The most that may be paid.
        specs: Chat models, and embedding models among them.
        models: Know the prices.
        embeddings: Embedding models; those on this machine cost nothing.

    Raises:
        BadInput: It is not above 0, or the price of a model is not known.
    """
    # So written that NaN, of which no comparison holds, is refused as well.
    if not budget_usd > 0:
        raise BadInput("The budget must be more than $0.")
    for spec in (*specs, *embeddings):
        if not spec.endpoint:
            continue
        endpoint = models.endpoint(spec.endpoint)
        model = (spec.name if isinstance(spec, ModelSpec) else spec.model) or endpoint.default_model
        if not endpoint.is_priced(model, writes=isinstance(spec, ModelSpec)):
            price = endpoint.price_of(model)
            problem = f"the {price.missing_price} price is not known" if price else "none is known"
            raise BadInput(
                f"A budget needs prices, and {problem} for {model or 'the model'} on {endpoint.name}; "
                "set them in Settings or under endpoints in the file."
            )
