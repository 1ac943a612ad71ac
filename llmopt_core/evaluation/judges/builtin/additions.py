"""What a statement adds to a sentence that it otherwise repeats, at a place where the text has nothing."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from llmopt_core.evaluation.judges.builtin.active_voice import in_active_voice
from llmopt_core.evaluation.judges.builtin.alignment import Block, blocks_of, rising
from llmopt_core.evaluation.judges.builtin.exchanges import content
from llmopt_core.evaluation.judges.builtin.opposites import lemma
from llmopt_core.evaluation.judges.builtin.sentence_token import BREAK, Token
from llmopt_core.evaluation.judges.builtin.word_lists import word_list
from llmopt_core.text.scripts import is_east_asian

# With this much of the statement in the sentence, one added word is enough; with less, two.
# Shares of its content words. A free paraphrase has many words that the sentence lacks; one of them tells nothing.
CLOSE, NEAR = 0.75, 0.6
# Words that add nothing that could be wrong.
_SOFT = frozenset(map(lemma, word_list("adds nothing")))
# Characters that are grammar or common filling; single characters, since no dictionary parts Chinese words here.
_SOFT_CHINESE = frozenset("比多时间人们来说有用到去没不年月日号位名只家次了都已经于其共会能就做") | word_list(
    "adds nothing, Chinese"
)


def addition(statement: Sequence[Token], there: Sequence[Token], keys: frozenset[str]) -> str:
    """The reason if the statement adds words that stand nowhere in the text.

    Args:
        statement: The statement.
        there: The sentence it comes nearest to.
        keys: Keys of all words of the text and of the question.
    """
    # Both in the active voice, so that a passive is no addition at its changed places.
    here, text = content(in_active_voice(statement)), content(in_active_voice(there))
    blocks = blocks_of(here, text)
    # Breaks count for nothing, so there may be none to divide by.
    share = sum(block.size for block in blocks) / max(1, sum(token.counts for token in here))
    if share < NEAR:
        return ""
    # Side -1 marks that the sentence has some word of the group: `grew` for `rose` adds nothing.
    groups = {(side.group, side.side) for token in there for side in token.sides}
    groups |= {(side.group, -1) for token in there for side in token.sides}
    block_places = {place for block in blocks for place in range(block.start, block.start + block.size)}
    free_places = {
        place
        for place, token in enumerate(here)
        if place not in block_places and _is_new(token, keys) and not any((s.group, -1) in groups for s in token.sides)
    }
    words = [here[place] for place in _insertions(here, text, rising(blocks)) if place in free_places]
    words = [word for word in words if not _in_known_name(word, here, keys)]
    # Two Chinese characters make about one word.
    letters = sum(is_east_asian(word.text) and len(word.text) == 1 for word in words)
    if len(words) - letters + letters // 2 < (1 if share >= CLOSE else 2):
        return ""
    phrase = "".join(word.text for word in words) if letters else " ".join(word.text for word in words)
    return f"it adds '{phrase}', of which the text says nothing"


def _is_new(token: Token, keys: frozenset[str]) -> bool:
    if not token.counts or token.key in keys or token.key in _SOFT or token.amount:
        return False
    # A lone Latin letter is a list's sign or an initial.
    return token.text not in _SOFT_CHINESE and (len(token.text) > 1 or is_east_asian(token.text))


def _in_known_name(word: Token, here: Sequence[Token], keys: frozenset[str]) -> bool:
    """`Ada Quinn` where the text only says Quinn."""
    neighbours = [token for token in here if abs(token.place - word.place) == 1 and token.text[:1].isupper()]
    return word.text[:1].isupper() and any(token.key in keys for token in neighbours)


def _insertions(here: Sequence[Token], text: Sequence[Token], chain: Sequence[Block]) -> list[int]:
    """Places of the statement between parts that follow each other directly in the sentence."""
    if not chain:
        return []
    places: list[int] = []
    # In the sentence nothing stands before the first common part, so what the statement has there is put in front.
    if not _words(text[: chain[0].there]):
        places += range(chain[0].start)
    for one, other in pairwise(chain):
        if not _words(text[one.there + one.size : other.there]):
            places += range(one.start + one.size, other.start)
    last = chain[-1]
    rest = text[last.there + last.size :]
    # A clause may end behind the last common part although the sentence goes on.
    end = next((place for place, token in enumerate(rest) if token.kind == BREAK), len(rest))
    if not _words(rest[:end]):
        places += range(last.start + last.size, len(here))
    return places


def _words(tokens: Sequence[Token]) -> bool:
    return any(token.counts for token in tokens)
