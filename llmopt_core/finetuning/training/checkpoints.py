"""Saved states of a training run. A new one replaces the old one only when it is whole."""

from __future__ import annotations

import io
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from llmopt_core.finetuning.jobs.folder import JobFolder
from llmopt_core.finetuning.jobs.job import JobCheckpoint
from llmopt_core.text.drafts import replace_file

LAST = "last.pt"
BEST = "best.pt"


@dataclass(frozen=True)
class Checkpoints:
    """The last state of a run and its best weights, in the job's folder."""

    folder: JobFolder

    @property
    def path(self) -> Path:
        """Where the files lie."""
        return self.folder.path / "checkpoints"

    def save_last(self, state: Mapping[str, Any], step: int) -> None:
        """Replace the state to resume from.

        Raises:
            StorageError: No room; the earlier state is untouched.
        """
        self._save(LAST, state)
        self._note(LAST, step, None)

    def save_best(self, weights: Mapping[str, Any], step: int, valid_loss: float) -> None:
        """Replace the best weights.

        Raises:
            StorageError: No room; the earlier one is untouched.
        """
        self._save(BEST, weights)
        self._note(BEST, step, valid_loss)

    def load_last(self) -> dict[str, Any] | None:
        """The state to resume from."""
        return self._load(LAST)

    def load_best(self) -> dict[str, Any] | None:
        """The best weights."""
        return self._load(BEST)

    def list_all(self) -> list[JobCheckpoint]:
        """What is there, by step."""
        checkpoints = []
        for name, note in self.folder.read("checkpoints.json").items():
            path = self.path / name
            # The note may outlive its file, which the user can delete to free space.
            if path.exists():
                checkpoints.append(JobCheckpoint(note["step"], str(path), note["at"], note["valid_loss"]))
        return sorted(checkpoints, key=lambda c: c.step)

    def _note(self, name: str, step: int, valid_loss: float | None) -> None:
        note = {"step": step, "at": time.time(), "valid_loss": valid_loss}
        notes = self.folder.read("checkpoints.json") | {name: note}
        self.folder.write("checkpoints.json", notes)

    def _save(self, name: str, value: Mapping[str, Any]) -> None:
        import torch

        # In memory first, so that the file is replaced whole; adapters are a few megabytes.
        buffer = io.BytesIO()
        torch.save(dict(value), buffer)
        replace_file(self.path / name, buffer.getvalue())

    def _load(self, name: str) -> dict[str, Any] | None:
        import torch

        path = self.path / name
        if not path.exists():
            return None
        # `weights_only` refuses pickled code: a checkpoint that somebody else put there must run nothing.
        state: dict[str, Any] = torch.load(path, weights_only=True)
        return state
