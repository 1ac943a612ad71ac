"""One LoRA job from folder to adapter file."""

from __future__ import annotations

from typing import Any, Literal

from llmopt_core.errors import BadInput
from llmopt_core.finetuning.training import lifecycle
from llmopt_core.finetuning.training.adapters import adapters_root, write_card
from llmopt_core.finetuning.training.base_weights import base_file, file_hash, load_trainable, trainable_folder
from llmopt_core.finetuning.training.checkpoints import Checkpoints
from llmopt_core.finetuning.training.encoding import EncodedExample, encode_examples
from llmopt_core.finetuning.training.hyperparameters import LoraSettings, settings_from
from llmopt_core.finetuning.training.lora_gguf import gguf_tensors, write_adapter
from llmopt_core.finetuning.training.lora_run import LoraRun, half_is_faster
from llmopt_core.finetuning.training.worker import Worker


def train_lora(worker: Worker) -> dict[str, Any]:
    """Train, write the adapter and its card, and return the final state.

    Raises:
        BadInput: The data cannot be trained on.
        Cancellation: The user or the system stopped it.
        StorageError: The adapter could not be written.
    """
    lifecycle.prepare_torch(worker)
    settings = settings_from(LoraSettings, worker.request.hyperparameters)
    worker.folder.log("Loading the base model; the first time its weights are unpacked, which takes about 20 seconds.")
    model, tokenizer = load_trainable(trainable_folder(worker.settings, worker.request.base_model))
    train = _encode(worker, "training", tokenizer, settings)
    validation = _encode(worker, "validation", tokenizer, settings)
    half = half_is_faster()
    run = LoraRun(
        model,
        settings,
        train,
        validation,
        Checkpoints(worker.folder),
        seed=worker.request.seed,
        half=half,
        hooks=lifecycle.hooks(worker),
    )
    measurement = lifecycle.carry_out(worker, run, "bfloat16" if half else "single precision")
    facts = lifecycle.card(worker, run, measurement) | {
        "base_hash": _base_hash(worker),
        "text_format": settings.text_format,
        "hyperparameters": settings.model_dump(mode="json"),
    }
    _export(worker, run, settings, facts)
    return lifecycle.final_state(run, worker.request.name)


def _encode(
    worker: Worker, which: Literal["training", "validation"], tokenizer: Any, settings: LoraSettings
) -> list[EncodedExample]:
    part = worker.folder.training_set(which)
    if part is None:
        return []
    examples, too_long = encode_examples(part.examples, tokenizer, settings.text_format, settings.max_tokens)
    if too_long:
        # Numbers as people count, from 1.
        numbers = ", ".join(str(number + 1) for number in too_long[:10]) + (" ..." if len(too_long) > 10 else "")
        worker.folder.log(
            f"{len(too_long)} {which} examples are left out, being longer than {settings.max_tokens} tokens or without "
            f"anything to learn (number {numbers}).",
            "warn",
        )
    if not examples:
        raise BadInput(f"No {which} example is left: all are longer than max_tokens {settings.max_tokens} or empty.")
    return examples


def _export(worker: Worker, run: LoraRun, settings: LoraSettings, facts: dict[str, Any]) -> None:
    path = adapters_root(worker.settings) / f"{worker.request.name}.gguf"
    config = run.base.config
    tensors = gguf_tensors(run.current(), config.num_attention_heads, config.num_key_value_heads)
    with lifecycle.replace_model(path) as draft:
        write_adapter(draft, tensors, settings.scaling * settings.rank, worker.request.name)
        # The card first: an adapter that appears without its card would be asked in the wrong format.
        write_card(path.with_suffix(".json"), facts)


def _base_hash(worker: Worker) -> str:
    base = base_file(worker.settings, worker.request.base_model)
    return file_hash(base) if base.is_file() else ""
