"""The body of a Word file -> blocks of text, in reading order."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

from llmopt_core.documents.charts import read_chart
from llmopt_core.documents.equations import equation
from llmopt_core.documents.non_text_content import has_picture, picture_texts
from llmopt_core.documents.package import (
    Package,
    attribute,
    child,
    children,
    descendants,
    local,
    value_of,
    whole_number,
)
from llmopt_core.documents.tables import cells_line, rows_with_names
from llmopt_core.documents.text import plain_lines
from llmopt_core.documents.text_pieces import choice, drawing_lines, outermost, readable, texts
from llmopt_core.documents.word_fields import Fields, check_box, form_field
from llmopt_core.documents.word_styles import BULLET, Numbering, Styles, outline_level, switch
from llmopt_core.documents.word_symbols import symbol_character

# What a reader of the accepted document does not see, and documents that are only embedded.
_OMISSION_KINDS = {"del": "deleted", "moveFrom": "deleted", "altChunk": "chunks", "subDoc": "chunks"}
_EQUATIONS = ("oMath", "oMathPara")
# Settings of what they stand in.
_PROPERTIES = ("pPr", "rPr", "sdtPr", "sdtEndPr", "tblPr", "trPr", "tcPr", "tblGrid", "sectPr", "fldData")
# Deleted text, and how Japanese is pronounced.
_NOT_TEXT = ("delText", "delInstrText", "rt", "rubyPr")
# What stands for a character.
_CHARACTERS = {"tab": "\t", "ptab": "\t", "br": "\n", "cr": "\n", "noBreakHyphen": "-"}


class Body:
    """Walks the parts of one document.

    Attributes:
        counts: How often something was left out or needs to be told, by kind.
    """

    def __init__(self, package: Package) -> None:
        self._package = package
        self._relations = package.relations(package.main)
        self._styles = Styles(package.find_target(package.main, "styles"))
        self._numbering = Numbering(package.find_target(package.main, "numbering"))
        self._notes = {kind: self._notes_of(kind) for kind in ("footnote", "endnote")}
        # A note may be named twice: the second time it is known and not missing.
        self._note_ids = {(kind, number) for kind, notes in self._notes.items() for number in notes}
        self._waiting: list[str] = []
        # Words of a paragraph whose end was deleted.
        self._carry = ""
        self.fields = Fields()
        # All pieces that were read or left out on purpose; the rest is told as unseen.
        self._known_texts: set[Any] = set()
        self._inside = 0
        self._pieces: dict[str, Callable[[Any], str]] = {
            "t": self._text,
            "sym": self._symbol,
            "fldChar": self._field_mark,
            "instrText": self._instruction,
            **dict.fromkeys(_EQUATIONS, self._equation),
            **dict.fromkeys(("footnoteReference", "endnoteReference"), self._note),
        }
        self.counts: Counter[str] = Counter()

    def blocks(self, container: Any) -> Iterator[str]:
        """Paragraphs and tables; text boxes, charts and notes follow the block they belong to."""
        # What hangs on a block waits until it is given.
        for item in container:
            tag = local(item)
            if tag == "p":
                yield self._paragraph(item)
            elif tag == "tbl":
                yield self._table(item)
            elif tag in _OMISSION_KINDS:
                self._leave_out(_OMISSION_KINDS[tag], item)
            elif tag == "AlternateContent":
                yield from self.blocks(choice(item))
            elif tag in _EQUATIONS or tag == "r":
                yield plain_lines("".join(self._inline([item])).strip())
            elif tag not in _PROPERTIES:
                # Any other container, such as a content control, is walked as if it were not there.
                self.counts["inserted"] += tag == "ins"
                yield from self.blocks(item)
            # Behind the paragraph or the table in which they are named.
            while self._waiting and tag in ("p", "tbl"):
                yield self._waiting.pop(0)
        # Words of a last paragraph whose end was deleted have no next one to go on in.
        yield self._carry.strip()
        self._carry = ""

    def count_unread(self, content: Any) -> int:
        """How many pieces of text stand where a text has no place, and notes that no place names."""
        here = [t for t in texts(content) if t not in self._known_texts]
        notes = [t for notes in self._notes.values() for note in notes.values() for t in descendants(note, "t")]
        return sum(bool((t.text or "").strip()) for t in here + notes)

    def _leave_out(self, kind: str, element: Any) -> None:
        self.counts[kind] += 1
        self._known_texts.update(descendants(element, "t"))

    def _notes_of(self, kind: str) -> dict[str, Any]:
        root = self._package.find_target(self._package.main, f"{kind}s")
        return {attribute(note, "id"): note for note in (root if root is not None else ()) if local(note) == kind}

    def _paragraph(self, paragraph: Any) -> str:
        properties = child(paragraph, "pPr")
        # A deleted paragraph end joins two paragraphs: accepted, they are one.
        before, self._carry = self._carry, ""
        text = before + "".join(self._inline(paragraph))
        if _has_deleted_end(properties):
            self.counts["deleted"] += bool(text.strip())
            self._carry = text
            return ""
        text = text.strip()
        look = self._styles.look(value_of(properties, "pStyle"))
        numbering = child(properties, "numPr")
        # The paragraph's own number before that of its style; `0` takes it out of the list.
        number = value_of(numbering, "numId") or look.number
        # Only a paragraph with words counts as an item.
        if not text:
            return ""
        mark = self._numbering.mark(number, value_of(numbering, "ilvl") or look.depth) if number != "0" else None
        # Body text (-1) by the paragraph itself beats a heading by its style.
        level = max(0, outline_level(properties) or look.level)
        if level:
            title = " ".join(text.split())
            # A heading needs no bullet, but its number is a part of its name.
            return "#" * level + " " + (mark or "").removeprefix(BULLET) + title
        if mark is None:
            # Styles of lists without numbering, as files from before 2007 have them.
            mark = BULLET if look.list_style else ""
        return mark + text if mark else plain_lines(text)

    def _inline(self, element: Any) -> Iterator[str]:
        for item in element:
            tag = local(item)
            if tag in _CHARACTERS:
                yield _CHARACTERS[tag]
            elif tag in _OMISSION_KINDS:
                self._leave_out(_OMISSION_KINDS[tag], item)
            elif tag in ("drawing", "pict", "object"):
                self._drawing(item)
            elif tag in self._pieces:
                yield self._pieces[tag](item)
            elif tag == "fldSimple" and not len(item):
                # A field without anything inside has no stored result.
                yield self.fields.instruction(attribute(item, "instr"), is_shown=False)
            elif tag == "sdt" and (box := check_box(item)):
                # The box is told by its state: its letter is of a font of pictures.
                self._known_texts.update(descendants(item, "t"))
                yield box
            elif tag and tag not in _PROPERTIES and tag not in _NOT_TEXT:
                self.counts["inserted"] += tag == "ins"
                # The text of a hidden run is told and not read.
                if not self._is_hidden(item):
                    yield from self._inline(choice(item) if tag == "AlternateContent" else item)

    def _text(self, item: Any) -> str:
        self._known_texts.add(item)
        return readable(item)

    def _equation(self, item: Any) -> str:
        self._known_texts.update(descendants(item, "t"))
        return equation(item)

    def _field_mark(self, item: Any) -> str:
        return form_field(item) + self.fields.mark(attribute(item, "fldCharType"))

    def _instruction(self, item: Any) -> str:
        self.fields.say(item.text or "")
        return ""

    def _is_hidden(self, run: Any) -> bool:
        # `vanish` may also say that it is off, where a style hides.
        is_hidden = switch(child(run, "rPr"), "vanish") == "on"
        if is_hidden and any((t.text or "").strip() for t in descendants(run, "t")):
            self._leave_out("hidden", run)
        return is_hidden

    def _symbol(self, item: Any) -> str:
        try:
            code = int(attribute(item, "char"), 16)
            # Fonts that are not known have their letters where they say.
            character = symbol_character(attribute(item, "font"), code) or chr(code)
        except (ValueError, OverflowError):
            return ""
        # Fonts of pictures have their characters where Unicode has none.
        if "\ue000" <= character <= "\uf8ff":
            self.counts["symbols"] += 1
            return ""
        return character

    def _note(self, item: Any) -> str:
        kind, number = local(item).removesuffix("Reference"), attribute(item, "id")
        # Taken out, so that a note that is named again is not read again.
        note = self._notes[kind].pop(number, None)
        if note is None:
            # Missing is a note that never was there.
            self.counts["notes"] += (kind, number) not in self._note_ids
            return ""
        self._waiting.append(f"[{kind.title()} {number}] " + "\n".join(self._apart(note)))
        return f" [{number}]"

    def _drawing(self, drawing: Any) -> None:
        descriptions = picture_texts(drawing)
        self._waiting += descriptions
        if not descriptions and has_picture(drawing):
            self.counts["pictures"] += 1
        # Text boxes hold paragraphs of Word; shapes of drawings have texts of their own.
        for box in outermost(drawing, "txbxContent"):
            self._waiting += self._apart(box)
        for shape in outermost(drawing, "txBody"):
            self._known_texts.update(descendants(shape, "t"))
            self._waiting += map(plain_lines, drawing_lines(shape))
        for item in drawing.iter():
            if local(item) == "chart":
                relation = self._relations.get(attribute(item, "id"))
                lines = read_chart(self._package, relation.target if relation else "")
                self.counts["charts"] += not lines
                self._waiting.append("\n".join(lines or ()))
            elif local(item) == "relIds":
                # `dm`: the data of a diagram, which holds its words.
                relation = self._relations.get(attribute(item, "dm"))
                root = self._package.xml(relation.target) if relation else None
                nodes = ["".join(t.itertext()) for t in descendants(root, "p")] if root is not None else []
                self._waiting.append("\n".join(plain_lines(text.strip()) for text in nodes if text.strip()))
            elif local(item) == "textpath":
                # WordArt keeps its words in an attribute.
                self._waiting.append(plain_lines(attribute(item, "string")))

    def _apart(self, container: Any) -> list[str]:
        """Blocks of what hangs on a paragraph, with what hangs on them in turn."""
        # What waits already hangs on the outer paragraph, and must not come in between.
        waiting, self._waiting = self._waiting, []
        blocks = [block for block in self.blocks(container) if block.strip()]
        self._waiting = waiting
        return blocks

    def _table(self, table: Any) -> str:
        properties = child(table, "tblPr")
        descriptions = [value_of(properties, "tblCaption"), value_of(properties, "tblDescription")]
        # Descriptions of a table for those who do not see it.
        self._waiting += filter(None, [plain_lines(" ".join(" ".join(descriptions).split()))])
        rows = list(self._rows(table))
        # A table of one cell in each row is a frame around text.
        if all(len(row) <= 1 for row in rows):
            # Each block stands for itself, as if there were no table.
            return "\n\n".join(block for row in rows for cell in row for block in self._apart(cell))
        self._inside += 1
        # Cells in order of rows: a merged one is the same element, and is read once.
        cell_texts = {cell: "\n".join(self._apart(cell)) for row in rows for cell in row}
        self._inside -= 1
        lines = [line for row in rows if (line := cells_line(cell_texts[cell] for cell in row))]
        # In a cell of another table all is on one line.
        return "; ".join(line.replace(" | ", ", ") for line in lines) if self._inside else rows_with_names(lines)

    def _members(self, element: Any, tag: str) -> Iterator[Any]:
        """Rows of a table or cells of a row, those inside content controls and tracked insertions too."""
        for item in element:
            name = local(item)
            if name == tag:
                # That a row or cell was inserted or deleted is marked inside its properties.
                changes = {local(change) for change in children(child(item, f"{tag}Pr"))}
                self.counts["inserted"] += not changes.isdisjoint(("ins", "cellIns"))
                if changes.isdisjoint(("del", "cellDel")):
                    yield item
                else:
                    self._leave_out("deleted", item)
            elif name in ("sdt", "sdtContent", "ins", "customXml", "smartTag", "moveTo"):
                yield from self._members(item, tag)

    def _rows(self, table: Any) -> Iterator[list[Any]]:
        """Cells of each row, each once, however many columns it spans; one merged downwards in each row."""
        above: dict[int, Any] = {}
        for row in self._members(table, "tr"):
            here: dict[int, Any] = {}
            before = value_of(child(row, "trPr"), "gridBefore")
            # Columns that a row leaves out before its first cell.
            at = whole_number(before)
            for cell in self._members(row, "tc"):
                properties = child(cell, "tcPr")
                merge = child(properties, "vMerge")
                is_continuation = merge is not None and attribute(merge, "val") in ("", "continue")
                # What goes on below an odd place stands for itself.
                here[at] = above.get(at, cell) if is_continuation else cell
                # Text under a merged cell is shown nowhere.
                if here[at] is not cell and any((t.text or "").strip() for t in descendants(cell, "t")):
                    self._leave_out("hidden", cell)
                span = value_of(properties, "gridSpan")
                at += max(1, whole_number(span, 1))
            # Each once, by identity.
            yield list(dict.fromkeys(here.values()))
            above = here


def _has_deleted_end(properties: Any) -> bool:
    changes = {local(change) for change in children(child(properties, "rPr"))}
    return not changes.isdisjoint(("del", "moveFrom"))
