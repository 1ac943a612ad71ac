"""DOCX -> text with Markdown headings."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from llmopt_core.documents.non_text_content import count_parts, describe_omissions
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
        # Says where the main part is damaged, if it is.
        package.check("")
        raise BadInput(f"{name} is damaged: {package.main} holds no body of a text; open it in Word and save it again.")
    body = Body(package)
    text = normalise("\n\n".join(block for block in body.blocks(content) if block.strip()))
    # Known once the whole body has been walked.
    body.counts["fields"] = body.fields.without_result
    body.counts["nowhere"] = body.count_unread(content)
    warnings = tuple(_warnings(package, body.counts))
    # No text because of damage is an error, not an empty document.
    package.check(text)
    return Extraction(text, (), (*package.flaws(), *warnings))


def _warnings(package: Package, counts: Counter[str]) -> Iterator[str]:
    if counts["deleted"] or counts["inserted"]:
        yield (
            f"Tracked changes are read as if accepted: {counts['inserted']:,} inserted and "
            f"{counts['deleted']:,} deleted places."
        )
    for kind, sentences in _OMISSION_WORDS.items():
        if counts[kind]:
            yield sentences[counts[kind] > 1].format(count=f"{counts[kind]:,}")
    # Headers and footers repeat on each page, and belong to no place of the text.
    omissions = [words for kind, words in _PARTS.items() if _has_text(package, kind)]
    omissions += describe_omissions(counts + count_parts(package, [package.main]))
    if omissions:
        yield f"Left out: {in_words(omissions)}."


def _has_text(package: Package, kind: str) -> bool:
    for relation in package.relations(package.main).values():
        root = package.xml(relation.target) if relation.kind == kind else None
        if root is not None and any((t.text or "").strip() for t in descendants(root, "t")):
            return True
    return False


_OMISSION_WORDS = {
    "hidden": ("Hidden text was left out at 1 place.", "Hidden text was left out at {count} places."),
    "chunks": (
        "1 embedded document was not read: open it and save it as a file of its own.",
        "{count} embedded documents were not read: open them and save them as files of their own.",
    ),
    "notes": (
        "1 note that the text names is not in the file.",
        "{count} notes that the text names are not in the file.",
    ),
    "symbols": ("1 character of a picture font was left out.", "{count} characters of a picture font were left out."),
    "fields": (
        "1 field without a stored result was left out: update the fields in Word and save the file.",
        "{count} fields without a stored result were left out: update the fields in Word and save the file.",
    ),
    "nowhere": (
        "1 piece of text stands where Word shows none, and was left out.",
        "{count} pieces of text stand where Word shows none, and were left out.",
    ),
}
_PARTS = {"header": "page headers", "footer": "page footers", "comments": "comments"}
