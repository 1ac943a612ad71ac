"""Workspaces whose built-in chat model is prepared already, so that each test does not re-encode it again."""

from __future__ import annotations

import getpass
import os
import shutil
import tempfile
from pathlib import Path

from llmopt_core.models.builtin.files import ADAPTER_ENCODING, BASE_ENCODING, chat_file
from llmopt_core.settings import Settings

_STORE = Path(tempfile.gettempdir()) / f"llmopt-test-models-{getpass.getuser()}"


def prepare_builtin(home: Path, *, for_adapters: bool = False) -> Path:
    """Put the re-encoded weights into a workspace, as hard links where the file system allows it.

    They are made once per machine user, in the folder for temporary files.
    """
    for encoding in (BASE_ENCODING, *([ADAPTER_ENCODING] if for_adapters else [])):
        result = chat_file(Settings(home=_STORE), encoding).path
        target = home / "models" / result.name
        target.parent.mkdir(parents=True, exist_ok=True)
        if result.parent != _STORE / "models" or target.exists():
            continue
        try:
            os.link(result, target)
        except OSError:
            shutil.copyfile(result, target)
    return home
