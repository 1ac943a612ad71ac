"""The body of a Word file -> blocks of text, in reading order."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from llmopt_core.documents.charts import read_chart
from llmopt_core.documents.equations import equation
from llmopt_core.documents.non_text_content import has_picture, picture_text
from llmopt_core.documents.package import Package, attribute, child, descendants, local, value_of, whole_number
from llmopt_core.documents.tables import cells_line, rows_with_names
from llmopt_core.documents.text import plain_lines
from llmopt_core.documents.word_styles import BULLET, Numbering, Styles, outline_level, switch

_LEFT_OUT = {"del": "deleted", "moveFrom": "deleted", "altChunk": "chunks", "subDoc": "chunks"}
_EQUATIONS = ("oMath", "oMathPara")
_PROPERTIES = ("pPr", "rPr", "sdtPr", "sdtEndPr", "tblPr", "trPr", "tcPr", "tblGrid", "sectPr", "fldData")
_NOT_TEXT = ("instrText", "delText", "delInstrText", "rt", "rubyPr")
_CHARACTERS = {"tab": "\t", "ptab": "\t", "br": "\n", "cr": "\n", "noBreakHyphen": "-"}


class Body:
    """Walks the parts of one document.

    Attributes:
        counts: How often something was left out or needs to be told, by kind.
    """

    def __init__(self, package: Package) -> None:
        self._package = package
        self._relations = package.relations(package.main)
        self._styles = Styles(package.related(package.main, "styles"))
        self._numbering = Numbering(package.related(package.main, "numbering"))
        self._notes = {kind: self._notes_of(kind) for kind in ("footnote", "endnote")}
        self._known = {(kind, number) for kind, notes in self._notes.items() for number in notes}
        self._waiting: list[str] = []
        self._inside = 0
        self.counts: Counter[str] = Counter()

    def blocks(self, container: Any) -> Iterator[str]:
        """Paragraphs and tables; text boxes, charts and notes follow the block they belong to."""
        for item in container:
            tag = local(item)
            if tag == "p":
                yield self._paragraph(item)
            elif tag == "tbl":
                yield self._table(item)
            elif tag in _LEFT_OUT:
                self.counts[_LEFT_OUT[tag]] += 1
            elif tag == "AlternateContent":
                yield from self.blocks(_choice(item))
            elif tag in _EQUATIONS:
                yield equation(item)
            elif tag not in _PROPERTIES:
                self.counts["inserted"] += tag == "ins"
                yield from self.blocks(item)
            while self._waiting and tag in ("p", "tbl"):
                yield self._waiting.pop(0)

    def _notes_of(self, kind: str) -> dict[str, Any]:
        root = self._package.related(self._package.main, f"{kind}s")
        return {attribute(note, "id"): note for note in (root if root is not None else ()) if local(note) == kind}

    def _paragraph(self, paragraph: Any) -> str:
        properties = child(paragraph, "pPr")
        text = "".join(self._inline(paragraph)).strip()
        look = self._styles.look(value_of(properties, "pStyle"))
        numbering = child(properties, "numPr")
        number = value_of(numbering, "numId") or look.number
        # Only a paragraph with words counts as an item.
        if not text:
            return ""
        mark = self._numbering.mark(number, value_of(numbering, "ilvl") or look.depth) if number != "0" else None
        level = max(0, outline_level(properties) or look.level)
        if level:
            title = " ".join(text.split())
            return "#" * level + " " + (mark or "").removeprefix(BULLET) + title
        if mark is None:
            mark = BULLET if look.list_style else ""
        return mark + text if mark else plain_lines(text)

    def _inline(self, element: Any) -> Iterator[str]:
        for item in element:
            tag = local(item)
            if tag == "t":
                yield item.text or ""
            elif tag in _CHARACTERS:
                yield _CHARACTERS[tag]
            elif tag in _LEFT_OUT:
                self.counts[_LEFT_OUT[tag]] += 1
            elif tag == "sym":
                yield self._symbol(item)
            elif tag in _EQUATIONS:
                yield equation(item)
            elif tag in ("drawing", "pict", "object"):
                self._drawing(item)
            elif tag in ("footnoteReference", "endnoteReference"):
                yield self._note(tag.removesuffix("Reference"), attribute(item, "id"))
            elif tag == "fldChar":
                yield _form_field(item)
            elif tag and tag not in _PROPERTIES and tag not in _NOT_TEXT:
                self.counts["inserted"] += tag == "ins"
                if not self._hidden(item):
                    yield from self._inline(_choice(item) if tag == "AlternateContent" else item)

    def _hidden(self, run: Any) -> bool:
        hidden = switch(child(run, "rPr"), "vanish") == "on"
        self.counts["hidden"] += hidden and any((t.text or "").strip() for t in descendants(run, "t"))
        return hidden

    def _symbol(self, item: Any) -> str:
        try:
            character = chr(int(attribute(item, "char"), 16))
        except (ValueError, OverflowError):
            return ""
        # Fonts of pictures have their characters where Unicode has none.
        if "\ue000" <= character <= "\uf8ff":
            self.counts["symbols"] += 1
            return ""
        return character

    def _note(self, kind: str, number: str) -> str:
        note = self._notes[kind].pop(number, None)
        if note is None:
            self.counts["notes"] += (kind, number) not in self._known
            return ""
        self._waiting.append(f"[{kind.title()} {number}] " + "\n".join(self._apart(note)))
        return f" [{number}]"

    def _drawing(self, drawing: Any) -> None:
        description = picture_text(drawing)
        if description:
            self._waiting.append(description)
        elif has_picture(drawing):
            self.counts["pictures"] += 1
        for box in _outermost(drawing, "txbxContent"):
            self._waiting += self._apart(box)
        for item in drawing.iter():
            if local(item) == "chart":
                relation = self._relations.get(attribute(item, "id"))
                lines = read_chart(self._package, relation.target if relation else "")
                self.counts["charts"] += not lines
                self._waiting.append("\n".join(lines or ()))
            elif local(item) == "relIds":
                relation = self._relations.get(attribute(item, "dm"))
                root = self._package.xml(relation.target) if relation else None
                texts = ["".join(t.itertext()) for t in descendants(root, "p")] if root is not None else []
                self._waiting.append("\n".join(plain_lines(text.strip()) for text in texts if text.strip()))
            elif local(item) == "textpath":
                self._waiting.append(plain_lines(attribute(item, "string")))

    def _apart(self, container: Any) -> list[str]:
        """Blocks of what hangs on a paragraph, with what hangs on them in turn."""
        waiting, self._waiting = self._waiting, []
        found = [block for block in self.blocks(container) if block.strip()]
        self._waiting = waiting
        return found

    def _table(self, table: Any) -> str:
        rows = list(self._rows(table))
        # A table of one cell in each row is a frame around text.
        if all(len(row) <= 1 for row in rows):
            return "\n\n".join(block for row in rows for cell in row for block in self._apart(cell))
        self._inside += 1
        shown = {cell: "\n".join(self._apart(cell)) for row in rows for cell in row}
        self._inside -= 1
        lines = [line for row in rows if (line := cells_line(shown[cell] for cell in row))]
        # In a cell of another table all is on one line.
        return "; ".join(line.replace(" | ", ", ") for line in lines) if self._inside else rows_with_names(lines)

    @staticmethod
    def _rows(table: Any) -> Iterator[list[Any]]:
        """Cells of each row, each once, however many columns it spans; one merged downwards in each row."""
        above: dict[int, Any] = {}
        for row in _members(table, "tr"):
            here: dict[int, Any] = {}
            before = value_of(child(row, "trPr"), "gridBefore")
            at = whole_number(before)
            for cell in _members(row, "tc"):
                properties = child(cell, "tcPr")
                merge = child(properties, "vMerge")
                goes_on = merge is not None and attribute(merge, "val") in ("", "continue")
                # What goes on below an odd place stands for itself.
                here[at] = above.get(at, cell) if goes_on else cell
                span = value_of(properties, "gridSpan")
                at += max(1, whole_number(span, 1))
            yield list(dict.fromkeys(here.values()))
            above = here


def _members(element: Any, tag: str) -> Iterator[Any]:
    """Rows of a table or cells of a row, those inside content controls and tracked insertions too."""
    for item in element:
        name = local(item)
        if name == tag:
            # A deleted row is marked inside its properties.
            if tag != "tr" or child(child(item, "trPr"), "del") is None:
                yield item
        elif name in ("sdt", "sdtContent", "ins", "customXml", "smartTag", "moveTo"):
            yield from _members(item, tag)


def _outermost(element: Any, tag: str) -> Iterator[Any]:
    """Elements of this tag that are inside no other; of alternatives only the first."""
    for item in element:
        if local(item) == tag:
            yield item
        else:
            yield from _outermost(_choice(item) if local(item) == "AlternateContent" else item, tag)


def _choice(alternatives: Any) -> Any:
    found = child(alternatives, "Choice")
    return found if found is not None and len(found) else child(alternatives, "Fallback") or []


def _form_field(item: Any) -> str:
    """The chosen entry of an old form's list, which stands nowhere in the text."""
    choices = child(child(item, "ffData"), "ddList")
    if choices is None:
        return ""
    entries = [attribute(entry, "val") for entry in choices if local(entry) == "listEntry"]
    chosen = value_of(choices, "result") or value_of(choices, "default") or "0"
    return dict(enumerate(entries)).get(whole_number(chosen, -1), "")
