"""The tuned models of the workspace: LoRA adapters of the built-in chat model, each with a card of facts."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from llmopt_core.errors import BadInput
from llmopt_core.finetuning.jobs.job import FineTunedModel
from llmopt_core.models.base import BUILTIN, EmbeddingSpec, ModelSpec
from llmopt_core.settings import Settings
from llmopt_core.text.drafts import replace_file
from llmopt_core.text.json_text import parse_json

CARD = "llmopt.json"


@dataclass(frozen=True)
class Adapter:
    """An adapter file and what is known of it.

    Attributes:
        card: `base_model`, `base_hash`, `text_format`, `data_version`, `hyperparameters`, `train_loss`, `valid_loss`,
            `trained_tokens`, `seconds`, `created_at`, `job_id`. Empty for a file put there by hand.
    """

    name: str
    path: Path
    card: Mapping[str, Any]

    def as_choice(self) -> FineTunedModel:
        """The adapter as a choice of model, asked the way it was trained."""
        # Adapters without a card are taken for chat, as most are trained.
        mode = self.card.get("text_format", "chat")
        return FineTunedModel(self.name, ModelSpec(endpoint=BUILTIN, adapter=self.name, mode=mode), self.card)


def adapters_root(settings: Settings) -> Path:
    """Where the built-in server looks for adapters."""
    return settings.home / "adapters"


def adapters(settings: Settings) -> list[Adapter]:
    """Every adapter of the workspace by name."""
    # Names with a dot are drafts of exports that still run, or were killed.
    paths = sorted(p for p in adapters_root(settings).glob("*.gguf") if not p.name.startswith("."))
    return [Adapter(path.stem, path, _card(path.with_suffix(".json"))) for path in paths]


def adapter(settings: Settings, name: str) -> Adapter:
    """One adapter.

    Raises:
        BadInput: There is no such adapter; names those that are.
    """
    by_name = {a.name: a for a in adapters(settings)}
    if name not in by_name:
        raise BadInput(f"There is no fine-tuned model named {name!r}; there are {', '.join(by_name) or 'none yet'}.")
    return by_name[name]


def embeddings_root(settings: Settings) -> Path:
    """Where tuned embedding models lie, one folder each."""
    return settings.home / "embeddings"


def load_embedding(settings: Settings, name: str) -> FineTunedModel:
    """A tuned embedding model as a choice of embedding.

    Raises:
        BadInput: There is no such model.
    """
    folder = embeddings_root(settings) / name
    # Every sentence-transformers model has it; a folder without it was not written to the end.
    if not (folder / "modules.json").exists():
        raise BadInput(f"There is no fine-tuned embedding model named {name!r} in {folder.parent}.")
    return FineTunedModel(name, EmbeddingSpec(model=str(folder)), _card(folder / CARD))


def list_embeddings(settings: Settings) -> list[FineTunedModel]:
    """Every tuned embedding model of the workspace by name."""
    paths = sorted(embeddings_root(settings).glob("*/modules.json"))
    return [load_embedding(settings, path.parent.name) for path in paths if not path.parent.name.startswith(".")]


def embedding_card(settings: Settings, model: str) -> dict[str, Any] | None:
    """The card of the tuned embedding model in a folder, empty where it has none; None where nothing was tuned here."""
    folder = Path(model).expanduser().absolute()
    # A model's folder may have been moved or copied from elsewhere; its card goes with it.
    ours = folder.parent == embeddings_root(settings).absolute()
    return _card(folder / CARD) if ours or (folder / CARD).is_file() else None


def write_card(path: Path, card: Mapping[str, Any]) -> None:
    """Write a card of facts."""
    replace_file(path, json.dumps(card, indent=1, ensure_ascii=False).encode())


def _card(path: Path) -> dict[str, Any]:
    try:
        card = parse_json(path.read_text(encoding="utf-8"))
    # A damaged card must not make the model unusable: it then has no facts.
    except (OSError, ValueError):
        return {}
    return card if isinstance(card, dict) else {}
