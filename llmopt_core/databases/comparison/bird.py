"""BIRD's execution accuracy: the same set of rows.

Source: Li et al., Can LLM Already Serve as a Database Interface? (NeurIPS 2023); the script bird/llm/src/evaluation.py
of AlibabaResearch/DAMO-ConvAI.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


def same_rows(gold: Sequence[tuple[Any, ...]], prediction: Sequence[tuple[Any, ...]]) -> bool:
    """Whether both hold the same rows. Order and repetition do not count; the order of columns does."""
    return set(gold) == set(prediction)
