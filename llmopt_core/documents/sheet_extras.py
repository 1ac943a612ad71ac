"""What a sheet holds beside its cells: shapes, charts and pictures to take, and what is only told."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from llmopt_core.documents.charts import read_chart
from llmopt_core.documents.non_text_content import count_parts, describe_omissions, has_picture, picture_texts
from llmopt_core.documents.package import Package, attribute, child, descendants, local
from llmopt_core.documents.text import in_words, plain_lines
from llmopt_core.documents.text_pieces import drawing_lines

# Notes of old and discussions of today are in parts of their own.
_COMMENTS = ("comments", "threadedComment")
_TRUE_VALUES = ("1", "true")
_SENTENCES = {
    "comments": ("sheet's comments", "sheets' comments"),
    "choices": ("list of values to choose from", "lists of values to choose from"),
    "print": ("sheet's headers and footers in print", "sheets' headers and footers in print"),
}


class SheetExtras:
    """Beside the cells of all sheets of a workbook."""

    def __init__(self, package: Package) -> None:
        self._package = package
        self._counts: Counter[str] = Counter()
        self._hidden_counts: Counter[str] = Counter()

    def sheet(self, element: Any) -> None:
        """Note a sheet of the workbook."""
        self._hidden_counts["sheet"] += attribute(element, "state") in ("hidden", "veryHidden")

    # Elements are cleared after they are seen: only what is counted here is kept of them.
    def see(self, tag: str, element: Any) -> None:
        """Note an element of a sheet that is no cell."""
        if tag in ("row", "col"):
            self._hidden_counts["row" if tag == "row" else "column"] += element.get("hidden") in _TRUE_VALUES
        elif tag == "dataValidation" and element.get("type") == "list":
            values = child(element, "formula1")
            # A list written into the rule; one that points to cells has its values in the sheet.
            self._counts["choices"] += values is not None and (values.text or "").startswith('"')
        elif tag == "headerFooter":
            self._counts["print"] += any((part.text or "").strip() for part in element)

    def beside(self, part: str) -> Iterator[str]:
        """Texts of shapes, titles of charts and descriptions of pictures of a sheet; the rest is counted."""
        relations = list(self._package.relations(part).values())
        self._counts["comments"] += any(relation.kind in _COMMENTS for relation in relations)
        for relation in relations:
            # Form controls stand in VML; a flaw in it is not worth a warning.
            if relation.kind == "vmlDrawing":
                yield from _controls(self._package.xml(relation.target, is_needed=False))
        drawings = [relation.target for relation in relations if relation.kind == "drawing"]
        self._counts += count_parts(self._package, [part])
        for drawing in drawings:
            root = self._package.xml(drawing)
            for anchor in root if root is not None else ():
                yield from self._anchor(anchor, drawing)

    def chart_sheet(self, part: str) -> Iterator[str]:
        """The whole chart of a sheet that is nothing else."""
        for relation in self._package.relations(part).values():
            # A sheet that is only a chart is read with its values, wherever these stand.
            if relation.kind == "drawing":
                for other in self._package.relations(relation.target).values():
                    lines = read_chart(self._package, other.target) if other.kind.startswith("chart") else None
                    if lines:
                        yield "\n".join(lines)

    def warnings(self) -> Iterator[str]:
        """What was left out, and what is hidden and was read."""
        omissions = [f"{count:,} {_SENTENCES[kind][count > 1]}" for kind, count in self._counts.items()
                if count and kind in _SENTENCES]  # fmt: skip
        omissions += describe_omissions(self._counts)
        if omissions:
            yield f"Left out: {in_words(omissions)}."
        hidden_counts = self._hidden_counts.items()
        hidden_items = [f"{count:,} {kind}{'s' if count > 1 else ''}" for kind, count in hidden_counts if count]
        if hidden_items:
            yield f"Hidden in the file, and read too: {in_words(hidden_items)}."

    def _anchor(self, anchor: Any, drawing: str) -> Iterator[str]:
        relations = self._package.relations(drawing)
        for item in anchor.iter():
            tag = local(item)
            if tag == "txBody":
                if lines := drawing_lines(item):
                    yield plain_lines("\n".join(lines))
            elif tag in ("chart", "relIds"):
                # `dm` is how a diagram names its data.
                relation = relations.get(attribute(item, "id") or attribute(item, "dm"))
                target = relation.target if relation else ""
                chart = read_chart(self._package, target, in_cells=True) if tag == "chart" else None
                self._counts["charts"] += tag == "chart" and chart is None
                # A diagram is told as its words.
                content = chart or drawing_lines(self._package.xml(target))
                if content:
                    # Texts of people must not look like headings or rows of this text.
                    yield plain_lines("\n".join(content))
        descriptions = picture_texts(anchor)
        yield from descriptions
        self._counts["pictures"] += not descriptions and has_picture(anchor)


def _controls(root: Any) -> Iterator[str]:
    """Words of buttons, boxes and other controls, and which boxes are ticked; notes are comments."""
    for shape in descendants(root, "shape"):
        control = child(shape, "ClientData")
        kind = attribute(control, "ObjectType")
        textbox = child(shape, "textbox")
        words = " ".join("".join(textbox.itertext()).split()) if textbox is not None else ""
        if kind and kind != "Note" and words:
            state = child(control, "Checked")
            # A tick is a value that no cell holds.
            box = "☒ " if state is not None and (state.text or "").strip() == "1" else "☐ "
            yield plain_lines((box if kind in ("Checkbox", "Radio") else "") + words)
