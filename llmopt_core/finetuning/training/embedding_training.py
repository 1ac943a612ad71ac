"""One embedding job from folder to model folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from llmopt_core.errors import BadInput
from llmopt_core.finetuning.training import lifecycle
from llmopt_core.finetuning.training.adapters import CARD, embeddings_root, write_card
from llmopt_core.finetuning.training.checkpoints import Checkpoints
from llmopt_core.finetuning.training.embedding_run import EmbeddingRun, Pair
from llmopt_core.finetuning.training.hyperparameters import EmbeddingSettings, settings_from
from llmopt_core.finetuning.training.worker import Worker
from llmopt_core.models.local.weights import local_prefixes
from llmopt_core.models.prefixes import Prefixes


def train_embedding(worker: Worker) -> dict[str, Any]:
    """Train, write the model folder and its card, and return the final state.

    Raises:
        BadInput: The data cannot be trained on.
        Cancellation: The user or the system stopped it.
        StorageError: The model could not be written.
    """
    from sentence_transformers import SentenceTransformer

    lifecycle.prepare_torch(worker)
    settings = settings_from(EmbeddingSettings, worker.request.hyperparameters)
    base = str(_base(worker.request.base_model))
    prefixes = local_prefixes(base)
    train = _pairs(worker, "training", prefixes)
    # With one passage every batch has one pair, and the loss is always 0.
    if len({pair.passage for pair in train}) < 2:
        raise BadInput("An embedding model needs at least two different passages to tell apart.")
    run = EmbeddingRun(
        # The CPU even where there is a graphics card, so that results are the same on every machine.
        _with_prompts(SentenceTransformer(base, device="cpu"), prefixes),
        settings,
        train,
        _pairs(worker, "validation", prefixes),
        Checkpoints(worker.folder),
        seed=worker.request.seed,
        hooks=lifecycle.hooks(worker),
    )
    measurement = lifecycle.carry_out(worker, run, f"batches of {settings.batch_size}")
    facts = lifecycle.card(worker, run, measurement) | {"hyperparameters": settings.model_dump(mode="json")}
    _export(run, embeddings_root(worker.settings) / worker.request.name, facts)
    return lifecycle.final_state(run, worker.request.name)


def _base(name: str) -> Path | str:
    from llmopt_core.models.base import BUILTIN_EMBEDDING
    from llmopt_core.models.weight_packages import embedding_folder

    return embedding_folder() if name in ("", "builtin", BUILTIN_EMBEDDING) else name


def _with_prompts(model: Any, prefixes: Prefixes) -> Any:
    """The model with what it is trained with before each text, so that its folder says so."""
    if prefixes:
        model.prompts = {"query": prefixes.query, "document": prefixes.passage}
        # By default no prompt is added: the pairs already carry theirs.
        model.default_prompt_name = None
    return model


def _pairs(worker: Worker, which: Literal["training", "validation"], prefixes: Prefixes) -> list[Pair]:
    part = worker.folder.training_set(which)
    examples = part.examples if part else ()
    return [
        Pair(number, prefixes.query + e.question, prefixes.passage + e.answer)
        for number, e in enumerate(examples)
        # Numbers are kept from the whole set, so that losses find their example again.
        if e.question and e.answer
    ]


def _export(run: EmbeddingRun, target: Path, facts: dict[str, Any]) -> None:
    with lifecycle.replace_model(target) as draft:
        run.model.save_pretrained(str(draft), create_model_card=False)
        write_card(draft / CARD, facts)
