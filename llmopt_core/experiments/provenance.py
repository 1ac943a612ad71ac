"""What a result rests on, as one hash per part, and which of these parts are others by now.

A result that is shown later than it was made goes by its questions, documents, prompt, model and more. Any of them may
have changed since; then it is a result of an earlier state and has to say so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from llmopt_core.errors import BadInput
from llmopt_core.evaluation.judges.judge import JudgeSpec
from llmopt_core.experiments.configuration import Configuration, configuration_from
from llmopt_core.experiments.keys import adapter_identity, builtin_weights, embedding_identity, local_weights
from llmopt_core.models.base import BUILTIN
from llmopt_core.models.registry import Models
from llmopt_core.runs.values import Run, SavedConfiguration
from llmopt_core.types import fingerprint
from llmopt_core.types.grouping import group_values

Basis = Mapping[str, str]
"""Part, as users call it -> hash of it."""

QUESTIONS, DOCUMENTS, EMBEDDING, BEHIND = "questions", "documents", "embedding model", "behind"
# Of these a sentence says that they *have* changed.
_MANY = frozenset((QUESTIONS, DOCUMENTS, "few-shot examples", "weights of the built-in model"))
# Runs keep the parts by their names, so one that is called otherwise today is renamed where it is read.
_WORDS = {"tuned model": "fine-tuned model"}


def list_changes(then: Basis, now: Basis) -> tuple[str, ...]:
    """The parts that are not as they were; what only one of both knows of is not compared."""
    return tuple(part for part, value in then.items() if part in now and now[part] != value)


def describe_changes(parts: Sequence[str]) -> str:
    """`the questions and the prompt have changed`; empty where nothing has."""
    if not parts:
        return ""
    phrases = [f"the {_WORDS.get(part, part)}" for part in parts]
    subject = " and ".join(filter(None, (", ".join(phrases[:-1]), phrases[-1])))
    return f"{subject} {'have' if len(parts) > 1 or parts[0] in _MANY else 'has'} changed"


def configuration_basis(configuration: Configuration) -> dict[str, str]:
    """The parts of a configuration, by what is written in it."""
    values = configuration.model_dump(mode="json", exclude={"name"})
    prompt = values["prompt"]
    return {
        "prompt": fingerprint({key: value for key, value in prompt.items() if key != "few_shot"}),
        "few-shot examples": fingerprint(prompt.get("few_shot")),
        "model": fingerprint(values["model"]),
        "retrieval": fingerprint(values["retrieval"]),
        "fact check": fingerprint(configuration.fact_check and configuration.fact_check.fingerprint_values()),
    }


def models_basis(configuration: Configuration, models: Models, judge: JudgeSpec | None = None) -> dict[str, str]:
    """Which addresses and weights stand behind the names in a configuration, and behind the judge. Loads no model."""
    embeddings = [configuration.retrieval.embedding] if configuration.retrieval else []
    chat_models = [*configuration.models, *([judge.chat_model] if judge and not judge.is_builtin else [])]
    basis: dict[str, str] = {}
    for name in dict.fromkeys([*(model.endpoint for model in chat_models), *(spec.endpoint for spec in embeddings)]):
        if name not in ("", BUILTIN):
            # Its default model decides only what leaves the model to it.
            uses_default = any(model.endpoint == name and not model.name for model in chat_models)
            basis |= _endpoint_basis(name, models, default=uses_default)
    if any(model.endpoint == BUILTIN for model in configuration.models):
        basis["weights of the built-in model"] = fingerprint(builtin_weights(models))
    adapters = [adapter_identity(model.adapter, models) for model in configuration.models if model.adapter]
    if adapters:
        basis["tuned model"] = fingerprint(adapters)
    for spec in embeddings:
        if _is_endpoint(spec.endpoint, models):
            basis[EMBEDDING] = fingerprint(embedding_identity(spec, models))
    if configuration.retrieval is not None and configuration.retrieval.rerank.model:
        basis["reranking model"] = fingerprint(local_weights(configuration.retrieval.rerank.model))
    if judge is not None:
        basis["judge"] = fingerprint(judge.label, judge.version if judge.is_builtin else "")
    return basis


def result_basis(
    configuration: Configuration,
    models: Models,
    *,
    questions: str,
    documents: str | None,
    judge: JudgeSpec | None = None,
) -> dict[str, str]:
    """All that a result of one configuration rests on.

    Args:
        configuration: What was measured.
        models: Those behind its names.
        questions: Version of the evaluation set.
        documents: Version of the project's documents; matters where the configuration retrieves.
        judge: Who graded, where somebody did.
    """
    basis = {QUESTIONS: questions}
    if configuration.retrieval is not None and documents is not None:
        basis[DOCUMENTS] = documents
    return {**basis, **configuration_basis(configuration), **models_basis(configuration, models, judge)}


def list_run_changes(
    run: Run, current: SavedConfiguration | None, questions: str | None, documents: str, models: Models
) -> tuple[str, ...]:
    """What is another now than when a run was made.

    Args:
        run: As it is stored. A run from before the addresses behind its names were kept says nothing of them.
        current: The project's configuration of its name as it is now; None where there is none.
        questions: The version that its evaluation set has now; None where that is gone.
        documents: The version of the project's documents now.
        models: Those behind its configuration's names now.
    """
    # What another tool asked cannot be run again here.
    if run.imported:
        return ()
    old_basis: dict[str, str] = {}
    new_basis: dict[str, str] = {}
    # A comparison of prompts asks rows of its own choice, which are no version of a set.
    if questions is not None and not run.comparison:
        old_basis[QUESTIONS], new_basis[QUESTIONS] = run.set_version, questions
    if run.retrieves and run.documents_version is not None:
        old_basis[DOCUMENTS], new_basis[DOCUMENTS] = run.documents_version, documents
    try:
        configuration = configuration_from(run.configuration)
        # A variant of a comparison has the name of its prompt, and is no state of the configuration of that name.
        if current is not None and not run.comparison and current.fingerprint != run.fingerprint:
            old_basis |= configuration_basis(configuration)
            new_basis |= configuration_basis(configuration_from(current.spec))
    except BadInput:
        return list_changes(old_basis, new_basis)
    run_basis = run.options.get(BEHIND)
    if isinstance(run_basis, Mapping):
        old_basis |= run_basis
        new_basis |= models_basis(configuration, models, _judge_of(run))
    return list_changes(old_basis, new_basis)


def describe_run_changes(changes: Mapping[str, Sequence[str]]) -> str:
    """One sentence on what has changed since runs were made, by their names; empty where nothing has."""
    groups = group_values((tuple(parts), name) for name, parts in changes.items() if parts)
    if not groups:
        return ""
    description = "; ".join(
        f"{describe_changes(parts)} since {', '.join(names)} ran" for parts, names in groups.items()
    )
    return f"From an earlier state: {description}. Run again to measure what is there now."


def _judge_of(run: Run) -> JudgeSpec | None:
    try:
        return JudgeSpec.model_validate(run.options.get("judge"))
    except ValueError:
        return None


def _endpoint_basis(name: str, models: Models, *, default: bool) -> dict[str, str]:
    """Where an endpoint is and how it is asked; `default` where its default model answers."""
    if not _is_endpoint(name, models):
        # Of an experiment file, or removed: nothing is known of it now.
        return {}
    endpoint = models.endpoint(name)
    settings = [endpoint.mode, *endpoint.parameters_identity, *([endpoint.default_model] if default else [])]
    return {
        f"address of {name}": fingerprint(endpoint.base_url, endpoint.api_version),
        f"settings of {name}": fingerprint(settings),
    }


def _is_endpoint(name: str, models: Models) -> bool:
    try:
        return not name or bool(models.endpoint(name))
    except BadInput:
        return False
