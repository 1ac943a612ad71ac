"""Retrieval data sets as BEIR and MTEB publish them: a corpus, queries, and judgements (qrels) that join them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from zipfile import ZipFile, ZipInfo

from llmopt_core.documents import limits
from llmopt_core.documents.container import check_unpacked_size, list_files, open_zip, read_member
from llmopt_core.documents.load import load_bytes
from llmopt_core.documents.qrels import read_qrels, with_judgements
from llmopt_core.documents.questions import QuestionFile, read_questions
from llmopt_core.documents.text import in_words
from llmopt_core.errors import BadInput
from llmopt_core.text.files import read_regular_file
from llmopt_core.types import Document, EvaluationSet

_LINES = (".jsonl", ".ndjson")
_QRELS = (".tsv", ".jsonl", ".ndjson", ".txt", ".csv", ".qrels")
# What data sets call the part that their authors report on comes first.
_USUAL_PARTS = ("test", "dev", "validation", "train")
_CORPUS, _QUERIES, _JUDGEMENTS = "corpus.jsonl", "queries.jsonl", "qrels/test.tsv"


@dataclass(frozen=True, slots=True)
class BeirDataset:
    """A corpus and questions about it.

    Attributes:
        documents: The corpus, named `NAME.jsonl/ID`.
        questions: Those that are judged, with the documents that answer them as sources.
        part: Which of the judgements were taken, such as `test`.
        parts: All that are there.
    """

    documents: tuple[Document, ...]
    questions: QuestionFile
    part: str
    parts: tuple[str, ...]


def is_beir(source: Path) -> bool:
    """Whether a folder or zip holds a corpus and queries; False too for what cannot be read."""
    try:
        names = _folder_files(source) if source.is_dir() else _zip_files(source.name, _read_zip(source))
    except BadInput:
        return False
    return _find(names, "corpus") is not None and _find(names, "queries") is not None


def read_beir(source: Path | bytes, name: str = "", part: str = "") -> BeirDataset:
    """Read a data set from a folder or a zip: `corpus.jsonl`, `queries.jsonl` and `qrels/PART.tsv`.

    Judgements are read as `read_qrels` does; those of MTEB may be JSONL.

    Args:
        source: A folder, a zip, or the bytes of one.
        name: Of the data set; by default that of the folder or file.
        part: Whose judgements are taken; by default `test`, else the only one.

    Raises:
        BadInput: A file is missing or bad; says which.
    """
    if isinstance(source, Path):
        file, title = source.name, name or (source.name if source.is_dir() else source.stem)
        files = _folder_files(source) if source.is_dir() else _zip_files(file, _read_zip(source))
    else:
        file, title = name or "the zip", PurePosixPath(name).stem or "dataset"
        files = _zip_files(file, open_zip(file, source))
    return _read(files, file, title, part)


def read_beir_files(files: Mapping[str, bytes], name: str, part: str = "") -> BeirDataset:
    """Read a data set from its files, by the names they were uploaded under.

    Where the names do not say which is which, the contents do.

    Raises:
        BadInput: A file is missing or bad; says which.
    """
    sources = {}
    for file, data in files.items():
        role = _role(file, data)
        place = f"qrels/{PurePosixPath(file).name}" if role == "qrels" else f"{role}.jsonl"
        if place in sources:
            raise BadInput(f"Two of the files are the {role}; give one corpus, one file of queries and the qrels.")
        sources[place] = _constant(data)
    return _read(sources, "The upload", name, part)


def _constant(data: bytes) -> Callable[[], bytes]:
    return lambda: data


def _role(file: str, data: bytes) -> str:
    """What a file of an upload is: by its name, else by its first line."""
    name = PurePosixPath(file).name.casefold()
    for role in ("corpus", "queries"):
        if role in name:
            return role
    first_line = data.lstrip().split(b"\n", 1)[0]
    if "qrel" in name or not first_line.startswith(b"{") or re.search(rb'"(corpus|doc)[-_]?id"', first_line):
        return "qrels"
    # A document has a title, a query has none.
    return "corpus" if b'"title"' in first_line else "queries"


def _read(files: Mapping[str, Callable[[], bytes]], file: str, title: str, part: str) -> BeirDataset:
    corpus, queries = _find(files, "corpus"), _find(files, "queries")
    judgements = {_part_of(name): name for name in sorted(files) if _is_judgements(name)}
    missing = [
        example for example, name in ((_CORPUS, corpus), (_QUERIES, queries), (_JUDGEMENTS, judgements)) if not name
    ]
    if corpus is None or queries is None or missing:
        raise BadInput(
            f"{file} is no BEIR data set: {in_words(missing)} {'is' if len(missing) == 1 else 'are'} missing."
        )
    split = _choose_part(file, judgements, part)
    documents = load_bytes(f"{title}.jsonl", files[corpus]())
    questions = read_questions(files[queries](), PurePosixPath(queries).name, skip_bad_lines=True)
    relevance = read_qrels(files[judgements[split]](), PurePosixPath(judgements[split]).name)
    questions = with_judgements(questions, relevance, documents)
    questions = replace(questions, evaluation_set=EvaluationSet(title, questions.evaluation_set.examples))
    return BeirDataset(tuple(documents), questions, split, tuple(judgements))


def _find(files: Mapping[str, object], role: str) -> str | None:
    """The file of that role that lies highest."""
    names = [name for name in files if PurePosixPath(name).name.casefold() in [f"{role}{end}" for end in _LINES]]
    return min(names, key=lambda name: (name.count("/"), name), default=None)


def _is_judgements(name: str) -> bool:
    path = PurePosixPath(name.casefold())
    return path.suffix in _QRELS and (path.parent.name.endswith("qrels") or "qrels" in path.stem)


def _part_of(name: str) -> str:
    stem = PurePosixPath(name).stem
    # `qrels.tsv`, `qrels_test.tsv` and `qrels/test.tsv`.
    return re.sub(r"^qrels[-_.]?|[-_.]?qrels$", "", stem, flags=re.IGNORECASE) or "test"


def _choose_part(file: str, judgements: Mapping[str, str], part: str) -> str:
    if part:
        if part not in judgements:
            raise BadInput(f"{file} has no judgements named {part}; it has {in_words(list(judgements))}.")
        return part
    usual = next((one for one in _USUAL_PARTS if one in judgements), None)
    return usual or next(iter(judgements))


def _folder_files(folder: Path) -> dict[str, Callable[[], bytes]]:
    paths = [path for path in folder.rglob("*") if path.suffix.lower() in {*_LINES, *_QRELS} and path.is_file()]
    return {path.relative_to(folder).as_posix(): _reader(path) for path in paths}


def _reader(path: Path) -> Callable[[], bytes]:
    def check(size: int) -> None:
        if size > limits.TEXT_BYTES:
            raise BadInput(f"{path.name} has more than {limits.megabytes(limits.TEXT_BYTES)}: split it.")

    return lambda: read_regular_file(path, check)


def _read_zip(path: Path) -> ZipFile:
    def check(size: int) -> None:
        if size > limits.ZIP_BYTES:
            raise BadInput(f"{path.name} has more than {limits.megabytes(limits.ZIP_BYTES)}: unpack it to a folder.")

    if not path.exists():
        raise BadInput(f"{path} does not exist.")
    return open_zip(path.name, read_regular_file(path, check))


def _zip_files(name: str, archive: ZipFile) -> dict[str, Callable[[], bytes]]:
    check_unpacked_size(name, archive, limits.ZIP_UNPACKED_BYTES)
    # What macOS notes about files has their names, with `._` before them.
    files = {path: member for path, member in list_files(name, archive) if "__MACOSX" not in path}
    return {path: _member_reader(name, archive, member) for path, member in files.items()}


def _member_reader(name: str, archive: ZipFile, member: ZipInfo) -> Callable[[], bytes]:
    return lambda: read_member(name, archive, member, limits.TEXT_BYTES)
