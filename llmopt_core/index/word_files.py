"""The words of an index on disk: of each version of the terms a folder of its own, counted anew where terms changed."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from llmopt_core.index import analysis
from llmopt_core.index.bm25 import Bm25

OpenWords = Callable[[], Bm25]
WordTexts = Callable[[], Sequence[str]]

# Where the words stood before each version had its folder.
_FIRST = "bm25"
_PART = ".words-"


def write_words(folder: Path, words: Bm25) -> None:
    """Write the words of a new index."""
    words.save(folder / _name())


def open_words(folder: Path, texts: WordTexts) -> OpenWords:
    """What gives the words of the index in `folder`, read now; of former terms they are counted when first asked for.

    Args:
        folder: That of the index.
        texts: The text of each of its chunks that is searched by words.
    """
    # A folder of other terms shows that the index was whole. Without any it is damaged, which reading finds.
    if not (folder / _name()).exists() and any(folder.glob(f"{_FIRST}*")):
        return lambda: _count_anew(folder, texts())
    words = Bm25.load(folder / _name())
    return lambda: words


def _name() -> str:
    return f"{_FIRST}-{analysis.VERSION}"


def _count_anew(folder: Path, texts: Sequence[str]) -> Bm25:
    words = Bm25.of(texts)
    # Best effort: what cannot be kept, or is kept by another process meanwhile, is counted again the next time.
    with suppress(OSError):
        part = Path(tempfile.mkdtemp(prefix=_PART, dir=folder))
        try:
            words.save(part / _name())
            # The folder of former terms stays: a program of before may still search it.
            (part / _name()).rename(folder / _name())
        finally:
            shutil.rmtree(part, ignore_errors=True)
    return words
