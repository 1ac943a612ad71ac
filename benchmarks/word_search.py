"""Which stems find most by words: BM25 with each of several stemmers in the place of the one that is used.

Questions are files in the form of SQuAD, whose paragraphs are what is searched. With `--man` the descriptions of manual
pages (the line of their names, without the name) search the rest of the pages: `manpages-de` and its like give them in
other languages. Printed are the shares of questions whose paragraph comes first and among the first five, what changed
against the stems in use, and the processor time of cutting all words.

    python benchmarks/word_search.py [--squad FILE ...] [--man FOLDER ...]
"""

from __future__ import annotations

import argparse
import gzip
import json
import re
import sys
import time
from collections.abc import Callable
from functools import lru_cache
from importlib import import_module
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from llmopt_core.index import analysis  # noqa: E402
from llmopt_core.index.bm25 import Bm25  # noqa: E402
from llmopt_core.index.stems import stem as stem_in_use  # noqa: E402
from llmopt_core.statistics.paired_comparison import compare_pairs  # noqa: E402

Stem = Callable[[str], str]
_LANGUAGES = {"de": "german", "fr": "french", "es": "spanish"}
_NAME = re.compile(r"^\.SH [^\n]*\n(?:\.\\\"[^\n]*\n)*([^\n]*?) \\-[ \n]([^\n]+)\n", re.M)
_ROFF = re.compile(r"^\.\\\".*$|^\.\w+|^'.*$|\\f\(?\w\w?|\\\(..|\\[-&,/ ~|^e]", re.M)


def endings(word: str) -> str:
    """The cut-off Porter that was used before: plural, -ed, -ing and -ly only."""
    if len(word) < 4 or not word.isascii() or not word.isalpha():
        return word
    word = _past(_plural(word))
    return word[:-1] + "i" if word.endswith("y") and re.search("[aeiou]", word[:-1]) else word


def _plural(word: str) -> str:
    if word.endswith("sses"):
        return word[:-2]
    if word.endswith("ies"):
        return word[:-3] + ("y" if len(word) > 4 else "ie")
    return word[:-1] if word.endswith("s") and not word.endswith(("ss", "us", "is")) else word


def _past(word: str) -> str:
    if word.endswith("eed"):
        return word[:-1] if len(word) > 4 else word
    for ending in ("ing", "edly", "ed"):
        base = word.removesuffix(ending)
        if base != word and len(base) > 2 and re.search("[aeiouy]", base):
            return _repair(base)
    return word[:-2] if word.endswith("ly") and len(word) > 5 else word


def _repair(base: str) -> str:
    if base.endswith(("at", "bl", "iz")):
        return base + "e"
    if len(base) > 3 and base[-1] == base[-2] and base[-1] not in "aeiouylsz":
        return base[:-1]
    return base + "e" if re.fullmatch(r"[^aeiou]*[aeiouy][^aeiouwxy]", base) else base


def by_pystemmer(algorithm: str, ascii_only: bool = True) -> Stem:
    from Stemmer import Stemmer

    cut = Stemmer(algorithm).stemWord
    return lambda word: cut(word) if word.isalpha() and (word.isascii() or not ascii_only) else word


def by_snowballstemmer(algorithm: str) -> Stem:
    # Its own `stemmer` takes PyStemmer where that is installed.
    cut = import_module(f"snowballstemmer.{algorithm}_stemmer").__dict__[f"{algorithm.title()}Stemmer"]().stemWord
    return lambda word: cut(word) if word.isalpha() and word.isascii() else word


def squad(path: Path) -> tuple[list[str], list[tuple[str, int]]]:
    texts: list[str] = []
    questions: list[tuple[str, int]] = []
    for article in json.loads(path.read_text("utf-8"))["data"]:
        for paragraph in article["paragraphs"]:
            questions += [(item["question"], len(texts)) for item in paragraph["qas"]]
            texts.append(paragraph["context"])
    return texts, questions


def manual(folder: Path) -> tuple[list[str], list[tuple[str, int]]]:
    texts: list[str] = []
    questions: list[tuple[str, int]] = []
    for path in sorted(folder.rglob("*.gz")):
        source = gzip.decompress(path.read_bytes()).decode("utf-8", "replace")
        name = _NAME.search(source)
        if name is not None and len(name[2].split()) > 2:
            questions.append((_ROFF.sub(" ", name[2]), len(texts)))
            # Its own name would find a page without any stem.
            texts.append(_ROFF.sub(" ", source[name.end() :]).replace(path.name.split(".")[0], " "))
    return texts, questions


def ranks(texts: list[str], questions: list[tuple[str, int]], stem: Stem) -> tuple[list[int], float]:
    analysis.stem = lru_cache(maxsize=None)(stem)  # type: ignore[assignment]
    index = Bm25.of(texts)
    matches = []
    for question, place in questions:
        scores = index.scores(question)
        # Equal scores count half of those before, and nothing found is no rank.
        better = np.sum(scores > scores[place]) + 1 if scores[place] > 0 else 10**6
        matches.append(int(better))
    started = time.process_time()
    for text in texts:
        for word in text.split():
            stem(word.lower())
    return matches, time.process_time() - started


def compare(name: str, texts: list[str], questions: list[tuple[str, int]], own: str | None) -> None:
    stems: dict[str, Stem] = {
        "in use": stem_in_use,
        "PyStemmer, english": by_pystemmer("english"),
        "snowballstemmer, english": by_snowballstemmer("english"),
        "PyStemmer, porter": by_pystemmer("porter"),
        "the cut-off Porter of before": endings,
        "no stems": lambda word: word,
    }
    if own:
        stems[f"PyStemmer, {own}"] = by_pystemmer(own, ascii_only=False)
    print(f"\n{name}: {len(questions):,} questions, {len(texts):,} texts")
    used: list[int] = []
    unit = 0.0
    for title, stem in stems.items():
        found, spent = ranks(texts, questions, stem)
        used, unit = used or found, unit or spent
        first = [float(rank == 1) for rank in found]
        line = f"  {title}: R@1 {np.mean(first):.4f}, R@5 {np.mean([rank <= 5 for rank in found]):.4f}"
        if found is not used:
            change = compare_pairs([float(rank == 1) for rank in used], first)
            line += f", R@1 {change.difference:+.4f} [{change.low:+.4f}, {change.high:+.4f}]"
        print(f"{line}, {spent / unit:.1f} x the time", flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--squad", type=Path, nargs="*", default=[])
    parser.add_argument("--man", type=Path, nargs="*", default=[], help="folders of a language: .../man/de")
    args = parser.parse_args()
    for path in args.squad:
        compare(path.name, *squad(path), own=None)
    for folder in args.man:
        compare(f"manual pages, {folder.name}", *manual(folder), own=_LANGUAGES.get(folder.name))
    return 0


if __name__ == "__main__":
    sys.exit(main())
