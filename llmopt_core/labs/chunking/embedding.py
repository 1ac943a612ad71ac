"""Every distinct text of a sweep gets its vector once, before anything is searched."""

from __future__ import annotations

import hashlib
from array import array
from collections.abc import Callable, Sequence

import numpy as np

from llmopt_core.cache import Cache
from llmopt_core.index.embedding_cache import encode_with_cache, find_missing_vectors
from llmopt_core.labs.chunking.chunk_tables import ChunkTable
from llmopt_core.labs.chunking.progress import Reporter
from llmopt_core.models.base import Embedder
from llmopt_core.types import Chunk

# Stored part by part, so that little is lost where a long sweep is stopped.
_AT_ONCE = 4096
TextOf = Callable[[Chunk], str]


class DistinctTexts:
    """The texts of all chunks and questions, each once, the longest first; cut out of the documents when asked for.

    Attributes:
        lengths: Characters of each.
    """

    def __init__(self, cuts: Sequence[ChunkTable], text_of: TextOf, questions: Sequence[str]) -> None:
        self._cuts, self._text_of, self._questions = cuts, text_of, questions
        known_hashes: set[bytes] = set()
        places, lengths = array("q"), array("q")
        for number, texts in enumerate([*(map(text_of, table) for table in cuts), questions]):
            for position, text in enumerate(texts):
                # Hashes instead of texts: all chunkings of a corpus hold it many times over.
                # 16 bytes: two texts of one hash are not to be expected in any number that fits here.
                # `surrogatepass`: a text with half a character, from a broken file, still has a hash.
                mark = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()
                if mark not in known_hashes:
                    known_hashes.add(mark)
                    places.extend((number, position))
                    lengths.append(len(text))
        characters = np.array(lengths, np.int64)
        # The longest first: texts of like length share a batch without padding, and too little memory shows at once.
        order = np.argsort(-characters, kind="stable")
        self.lengths = characters[order]
        self._places = np.array(places, np.int64).reshape(-1, 2)[order]

    def __len__(self) -> int:
        return len(self.lengths)

    def some(self, positions: Sequence[int]) -> list[str]:
        """The texts at these positions."""
        return [self._at(number, position) for number, position in self._places[list(positions)].tolist()]

    def _at(self, number: int, position: int) -> str:
        # Questions stand behind the chunkings.
        if number == len(self._cuts):
            return self._questions[position]
        return self._text_of(self._cuts[number][position])


def embed_all(texts: DistinctTexts, embedder: Embedder, cache: Cache, report: Reporter) -> None:
    """Put a vector of each text into the cache, where it is not there yet.

    Raises:
        Cancellation: `report` was asked to stop.
        EndpointError: The embedding model failed.
    """
    # Lengths before counts: the time that is left is reckoned by characters, from here on.
    report.embedding_starts(texts.lengths)
    missing: list[int] = []
    for start in range(0, len(texts), _AT_ONCE):
        part = range(start, min(start + _AT_ONCE, len(texts)))
        missing += [part[place] for place in find_missing_vectors(texts.some(part), embedder, cache)]
    known_count = len(texts) - len(missing)
    # The first call: what the cache had, from which the time that is left is counted.
    report.embedding(known_count, len(texts))
    for start in range(0, len(missing), _AT_ONCE):
        # `before` is bound now: the loop goes on before it is called.
        def report_part(count: int, _total: int, before: int = known_count + start) -> None:
            report.embedding(before + count, len(texts))

        encode_with_cache(texts.some(missing[start : start + _AT_ONCE]), embedder, cache, report_part)
