"""Splitting and normalising text for metrics, in languages with and without spaces between words."""

from __future__ import annotations

import re
import string
import unicodedata
from collections.abc import Iterator, Sequence

from llmopt_core.index.analysis import analyse

# Han, kana, CJK extensions: written without spaces, so every character is a token.
CJK = r"\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003134f"
_CJK_CHARACTER = re.compile(f"[{CJK}]")
_ARTICLE = re.compile(r"\b(a|an|the)\b")
_PUNCTUATION = set(string.punctuation)

# A full stop ends a sentence before white space and something that can start one, but not after an initial or a
# common abbreviation; CJK full stops need no space. Closing quotes belong to the sentence they close.
_END = re.compile(
    r"(?P<closing>(?<=[.!?…])[\"'”’)\]]*)\s+(?=[\"'“‘(\[]*[^\W_a-z])"
    r"|(?P<cjk>(?<=[。！？；])[”’」』）]*)(?![”’」』）])|(?<!\s)[^\S\n]*+\n\s*+"
)
_ABBREVIATION = re.compile(
    r"(?:\b(?:Mr|Mrs|Ms|Dr|Prof|St|Mt|Jr|Sr|vs|No|Inc|Ltd|Co|Corp|Gen|Col|Lt|Sgt|Gov|Sen|Rep|Rev|Fig|ca|cf|approx)"
    r"|\b[A-Z]|\be\.g|\bi\.e)\.$"
)


def has_cjk(text: str) -> bool:
    """Whether the text holds a character of a script written without spaces."""
    return _CJK_CHARACTER.search(text) is not None


def sentences(text: str) -> list[str]:
    """The sentences of a text, stripped, in order; line breaks end sentences too."""
    found: list[str] = []
    for piece in _pieces(text):
        stripped = piece.strip()
        if not stripped:
            continue
        if found and _ABBREVIATION.search(found[-1]):
            found[-1] = f"{found[-1]} {stripped}"
        else:
            found.append(stripped)
    return found


def _pieces(text: str) -> Iterator[str]:
    start = 0
    for match in _END.finditer(text):
        kept = match["closing"] or match["cjk"] or ""
        yield text[start : match.start() + len(kept)]
        start = match.end()
    yield text[start:]


def normalise(text: str) -> str:
    """SQuAD's answer normalisation: lower case, no punctuation, no English articles, single spaces.

    English text is treated exactly as by the official SQuAD 1.1 script, which knows ASCII punctuation only; where
    there are CJK characters, all punctuation of Unicode goes, as in the CMRC 2018 and MLQA scripts.
    """
    wide = has_cjk(text)
    kept = "".join(c for c in text.lower() if not _is_punctuation(c, wide))
    return " ".join(_ARTICLE.sub(" ", kept).split())


def tokens(text: str) -> list[str]:
    """Normalised words; CJK characters one by one."""
    return _CJK_CHARACTER.sub(lambda match: f" {match.group()} ", normalise(text)).split()


def clean(text: str) -> str:
    """The text without lone surrogates, which cannot be written as UTF-8 or JSON."""
    return text.encode("utf-8", "replace").decode("utf-8")


def shorten(text: str, limit: int = 160) -> str:
    """At most `limit` characters on one line."""
    line = " ".join(text.split())
    return line if len(line) <= limit else line[: limit - 1].rstrip() + "…"


def nearest_sentence(statement: str, contexts: Sequence[str]) -> str:
    """The sentence that shares most words with a statement; empty where none shares any."""
    words = set(analyse(statement))
    found = [sentence for context in contexts for sentence in sentences(context)]
    shared = [len(words & set(analyse(sentence))) for sentence in found]
    return found[shared.index(max(shared))] if any(shared) else ""


def _is_punctuation(character: str, wide: bool) -> bool:
    return character in _PUNCTUATION or (wide and unicodedata.category(character).startswith("P"))
