"""Chunking throughput against langchain-text-splitters and chonkie on the same texts, in one run.

Ratios above 1 mean that ours is faster. Each is the best of `--rounds` rounds in CPU time (all run on one thread), the
rounds taking turns. Two texts: prose (sentences of the sample articles, mixed, with made-up words so that the
vocabulary grows as in real text) and code (the standard library of Python).

    python benchmarks/chunking.py [--megabytes 10] [--rounds 3] [--memory 50]
"""

from __future__ import annotations

import argparse
import logging
import random
import subprocess
import sys
import sysconfig
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from llmopt_core.chunking import measure  # noqa: E402
from llmopt_core.chunking.chunk import chunk_document, spans  # noqa: E402
from llmopt_core.chunking.spec import ChunkingSpec  # noqa: E402
from llmopt_core.models.weight_packages import embedding_folder  # noqa: E402
from llmopt_core.types import Document  # noqa: E402

Work = Callable[[str], int]
EMBEDDING_TOKENS, CHARACTERS = 200, 1000
# Chonkie's sentence chunker takes more than linear time: both get only the beginning of the text.
SLOW = 1_000_000


@dataclass(frozen=True)
class Case:
    """One job and who does it how."""

    title: str
    ours: Work
    others: dict[str, Work]
    most_characters: int = 10**9


def ours(**values: object) -> Work:
    spec = ChunkingSpec.model_validate(values)

    def work(text: str) -> int:
        measure._measure_short.cache_clear(), measure._measure_long.cache_clear()
        return len(chunk_document(Document("text", text), spec))

    return work


def cuts_alone(**values: object) -> Work:
    spec = ChunkingSpec.model_validate(values)
    return lambda text: len(spans(text, spec))


def langchain(*, offsets: bool, **values: object) -> Work:
    from langchain_text_splitters import RecursiveCharacterTextSplitter

    splitter = RecursiveCharacterTextSplitter(chunk_overlap=0, add_start_index=offsets, **values)  # type: ignore[arg-type]
    if offsets:
        return lambda text: len(splitter.create_documents([text]))
    return lambda text: len(splitter.split_text(text))


def langchain_windows(tokenizer: object) -> Work:
    from langchain_text_splitters.base import Tokenizer, split_text_on_tokens

    inner = Tokenizer(
        chunk_overlap=0,
        tokens_per_chunk=EMBEDDING_TOKENS,
        decode=tokenizer.decode,  # type: ignore[attr-defined]
        encode=lambda text: tokenizer.encode(text, add_special_tokens=False).ids,  # type: ignore[attr-defined]
    )
    return lambda text: len(split_text_on_tokens(text=text, tokenizer=inner))


def chonkie(kind: str, **values: object) -> Work:
    import chonkie

    chunker = getattr(chonkie, kind)(**values)
    return lambda text: len(chunker.chunk(text))


def cases() -> list[Case]:
    from tokenizers import Tokenizer

    words = Tokenizer.from_file(str(embedding_folder() / "tokenizer.json"))
    words.no_truncation()
    words.no_padding()

    def count(text: str) -> int:
        return len(words.encode(text, add_special_tokens=False).ids)

    size = {"chunk_size": EMBEDDING_TOKENS}
    return [
        Case("recursive, characters: cuts", cuts_alone(size=CHARACTERS, unit="characters"),
             {"langchain": langchain(offsets=False, chunk_size=CHARACTERS)}),
        Case("recursive, characters", ours(size=CHARACTERS, unit="characters"),
             {"langchain": langchain(offsets=True, chunk_size=CHARACTERS),
              "chonkie": chonkie("RecursiveChunker", tokenizer="character", chunk_size=CHARACTERS)}),
        Case("recursive, MiniLM tokens", ours(size=EMBEDDING_TOKENS),
             {"langchain": langchain(offsets=True, **size, length_function=count),
              "chonkie": chonkie("RecursiveChunker", tokenizer=words, **size)}),
        Case("window, MiniLM tokens", ours(method="fixed", size=EMBEDDING_TOKENS),
             {"langchain": langchain_windows(words), "chonkie": chonkie("TokenChunker", tokenizer=words, **size)}),
        Case("sentences, MiniLM tokens", ours(method="sentence", size=EMBEDDING_TOKENS),
             {"chonkie": chonkie("SentenceChunker", tokenizer=words, chunk_overlap=0, **size)}, SLOW),
        Case("sentences, characters", ours(method="sentence", size=CHARACTERS, unit="characters"),
             {"chonkie": chonkie("SentenceChunker", tokenizer="character", chunk_size=CHARACTERS, chunk_overlap=0)},
             SLOW),
    ]  # fmt: skip


def prose(length: int) -> str:
    dice = random.Random(0)
    articles = [path.read_text("utf-8") for path in sorted((ROOT / "sample_data/documents").glob("*.md"))]
    sentences = [s.split() for text in articles for s in text.replace("\n\n", " ").split(". ")]
    out, size = [], 0
    while size < length:
        paragraph = " ".join(_varied(dice.choice(sentences), dice) for _ in range(dice.randrange(3, 9)))
        out.append(paragraph)
        size += len(paragraph) + 2
    return "\n\n".join(out)[:length]


def _varied(words: list[str], dice: random.Random) -> str:
    results = [
        "".join(dice.choices("aeioubcdlmnrst", k=dice.randrange(4, 10))) if dice.random() < 0.04 else w for w in words
    ]
    return " ".join(results) + "."


def code(length: int) -> str:
    out, size = [], 0
    for path in sorted(Path(sysconfig.get_paths()["stdlib"]).rglob("*.py")):
        if "site-packages" not in path.parts and size < length:
            out.append(path.read_text("utf-8", "replace"))
            size += len(out[-1]) + 2
    return "\n\n".join(out)[:length]


def seconds(work: Work, text: str) -> float:
    started = time.process_time()
    work(text)
    return time.process_time() - started


def compare(text: str, rounds: int) -> None:
    for case in cases():
        part = text[: case.most_characters]
        everyone = {"ours": case.ours, **case.others}
        for work in everyone.values():
            work(text[:10_000])
        best = dict.fromkeys(everyone, float("inf"))
        for _ in range(rounds):
            for name, work in everyone.items():
                best[name] = min(best[name], seconds(work, part))
        rate = len(part) / 1e6 / best["ours"]
        ratios = ", ".join(f"{best[name] / best['ours']:.1f} x {name}" for name in case.others)
        print(f"  {case.title:28s} {rate:6.1f} MB/s   {ratios}", flush=True)


def memory(megabytes: int) -> None:
    """Peak memory of one process that chunks a corpus of 50 kB documents, and then one document of the same size."""
    for pieces in (megabytes * 20, 1):
        script = (
            "import sys; sys.path.insert(0, sys.argv[1])\n"
            "from benchmarks.chunking import prose, chunk_documents_of\n"
            "from benchmarks.memory import peak_megabytes\n"
            f"print(chunk_documents_of({megabytes * 1_000_000}, {pieces}), round(peak_megabytes()))"
        )
        result = subprocess.run([sys.executable, "-c", script, str(ROOT)], capture_output=True, text=True, check=True)
        chunks, peak = result.stdout.split()
        print(f"  {megabytes} MB in {pieces:,} documents: {int(chunks):,} chunks, peak {int(peak):,} MB")


def chunk_documents_of(length: int, pieces: int) -> int:
    from llmopt_core.chunking.chunk import chunk_documents

    text, step = prose(length), length // pieces
    documents = [Document(str(i), text[i * step : (i + 1) * step]) for i in range(pieces)]
    return len(chunk_documents(documents, ChunkingSpec(size=EMBEDDING_TOKENS)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--megabytes", type=float, default=10)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument(
        "--memory", type=int, default=50, help="size of the corpus whose memory is measured; 0 for none"
    )
    arguments = parser.parse_args()
    logging.disable(logging.WARNING)
    for name, make in (("prose", prose), ("code", code)):
        text = make(int(arguments.megabytes * 1e6))
        print(f"{name}: {len(text) / 1e6:.1f} MB, {len(set(text.split())):,} distinct words")
        compare(text, arguments.rounds)
    if arguments.memory:
        print("memory")
        memory(arguments.memory)


if __name__ == "__main__":
    main()
