"""DOCX -> text with Markdown headings."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from llmopt_core.documents.non_text_content import counted_parts, left_out_words
from llmopt_core.documents.package import Package, child, descendants
from llmopt_core.documents.text import Extraction, in_words, normalise
from llmopt_core.documents.word_body import Body
from llmopt_core.errors import BadInput


def read_docx(name: str, data: bytes) -> Extraction:
    """A DOCX in reading order; headings become `#` lines, list items have their marks or numbers.

    Tracked insertions, content controls, fields, equations, nested tables, text boxes, charts, descriptions of
    pictures, footnotes and endnotes are taken. Deletions, hidden text, headers, footers, comments, embedded files and
    addresses of links are left out, and a warning says so.

    Raises:
        BadInput: Encrypted, damaged, too large unpacked, or without text.
    """
    package = Package(name, data, "word/document.xml")
    content = child(package.main_xml(), "body")
    if content is None:
        package.check("")
        raise BadInput(f"{name} is damaged: {package.main} holds no body of a text; open it in Word and save it again.")
    body = Body(package)
    text = normalise("\n\n".join(block for block in body.blocks(content) if block.strip()))
    warnings = tuple(_warnings(package, body.counts))
    package.check(text)
    return Extraction(text, (), (*package.flaws(), *warnings))


def _warnings(package: Package, counts: Counter[str]) -> Iterator[str]:
    if counts["deleted"] or counts["inserted"]:
        yield (
            f"Tracked changes are read as if accepted: {counts['inserted']:,} inserted and "
            f"{counts['deleted']:,} deleted places."
        )
    for kind, sentence in _LEFT_OUT.items():
        if counts[kind]:
            yield sentence.format(count=f"{counts[kind]:,}")
    left = [words for kind, words in _PARTS.items() if _has_text(package, kind)]
    left += left_out_words(counts + counted_parts(package, [package.main]))
    if left:
        yield f"Left out: {in_words(left)}."


def _has_text(package: Package, kind: str) -> bool:
    for relation in package.relations(package.main).values():
        root = package.xml(relation.target) if relation.kind == kind else None
        if root is not None and any((t.text or "").strip() for t in descendants(root, "t")):
            return True
    return False


_LEFT_OUT = {
    "hidden": "Hidden text was left out at {count} places.",
    "chunks": "{count} embedded documents were not read: open them and save them as files of their own.",
    "notes": "Notes that the text names and the file does not hold: {count}.",
    "symbols": "{count} characters of a picture font were left out.",
}
_PARTS = {"header": "page headers", "footer": "page footers", "comments": "comments"}
