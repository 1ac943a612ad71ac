"""The built-in model's weights in a form that can be trained: dequantised once, kept in the workspace."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Any

from filelock import FileLock

from llmopt_core.errors import BadInput, StorageError
from llmopt_core.models.gguf_metadata import read_metadata
from llmopt_core.settings import Settings
from llmopt_core.text.drafts import remove, replacing


def base_gguf(settings: Settings) -> Path:
    """The GGUF the built-in chat model is served from."""
    from llmopt_core.models.weight_packages import chat_gguf

    return settings.builtin_gguf or chat_gguf()


def base_file(settings: Settings, base_model: str) -> Path:
    """The file or folder that a base model (`builtin`, or a path of the user) stands for, there or not."""
    return base_gguf(settings) if base_model in ("", "builtin") else Path(base_model).expanduser()


def trainable_folder(settings: Settings, base_model: str = "builtin") -> Path:
    """A folder with safetensors and tokenizer for a base model; made at first use, which takes about 20 s.

    The weights are stored in half precision, just as the served F16 base has them.

    Args:
        settings: Says where the workspace is.
        base_model: `builtin`, a GGUF file, or a folder that transformers can load.

    Raises:
        BadInput: There is no such model, or its architecture is not supported.
        StorageError: No room in the workspace.
    """
    source = base_file(settings, base_model)
    if (source / "config.json").is_file():
        return source
    if not source.is_file():
        raise BadInput(f"{source}: there is no such model; expected builtin, a GGUF file, or a model folder.")
    architecture = read_metadata(source).get("general.architecture")
    if architecture != "llama":
        raise BadInput(f"{source.name}: the architecture {architecture} cannot be fine-tuned here, only llama can.")
    # With the hash in the name, so that another file of the same name never gets these weights.
    target = settings.home / "models" / f"{source.stem}-{file_hash(source)}-trainable"
    target.parent.mkdir(parents=True, exist_ok=True)
    # Two trainings begun at once would both unpack the weights, one over the other.
    with FileLock(f"{target}.lock"):
        if not target.exists():
            _dequantise(source, target)
    return target


def file_hash(path: Path) -> str:
    """First 12 hexadecimal digits of a file's SHA-256."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:12]  # enough to tell weights of one workspace apart


def _dequantise(source: Path, target: Path) -> None:
    # Called under the lock of the target, so whatever was begun before is left of a killed process.
    for leftover in target.parent.glob(f".{target.name}.*"):
        remove(leftover)
    try:
        with replacing(target) as draft:
            draft.mkdir(0o700)  # the weights may be licensed to this user alone
            _save(source, draft)
    except OSError as error:
        raise StorageError(f"{target.parent}: no room for the trainable copy of {source.name} ({error}).") from error


def _save(source: Path, folder: Path) -> None:
    # Before transformers is imported, which reads it once: without it each load asks the hub for newer files.
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    import torch
    from transformers import AutoTokenizer, GgufConfig, LlamaForCausalLM
    from transformers.utils import logging

    # Progress bars would fill the job's log with control characters.
    logging.disable_progress_bar()
    where: dict[str, Any] = {"gguf_file": source.name}
    AutoTokenizer.from_pretrained(source.parent, **where).save_pretrained(folder)
    config = GgufConfig(dequantize=True)
    model = LlamaForCausalLM.from_pretrained(source.parent, **where, dtype=torch.float32, quantization_config=config)
    # A model that remembers having been quantised refuses to be saved.
    if hasattr(model.config, "quantization_config"):
        del model.config.quantization_config
    # A new model from the configuration has plain layers; the loaded one keeps those of its quantisation.
    plain = LlamaForCausalLM(model.config).half()
    plain.load_state_dict(model.state_dict())
    plain.save_pretrained(folder)


def load_trainable(folder: Path) -> tuple[Any, Any]:
    """Model in single precision, and tokenizer, from a trainable folder."""
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer
    from transformers.utils import logging

    logging.disable_progress_bar()
    tokenizer = AutoTokenizer.from_pretrained(folder)
    # Single precision: AdamW's small steps vanish when added to half-precision weights.
    return AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32), tokenizer
