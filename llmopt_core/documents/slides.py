"""PPTX -> text, slide by slide."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from llmopt_core.documents.charts import read_chart
from llmopt_core.documents.equations import equation
from llmopt_core.documents.non_text_content import count_parts, describe_omissions, has_picture, picture_texts
from llmopt_core.documents.package import Package, Relation, attribute, child, children, descendants, local
from llmopt_core.documents.reading_order import Box, reading_order
from llmopt_core.documents.tables import cells_line, rows_with_names
from llmopt_core.documents.text import Extraction, in_words, join_pages, normalise, numbers_in_words, plain_lines
from llmopt_core.documents.text_pieces import drawing_lines, texts
from llmopt_core.errors import BadInput

_TITLES = ("title", "ctrTitle")
_SMALL_PRINT = ("dt", "ftr", "hdr")  # date, footer, header
# Of slides, and pictures of them beside notes.
_NUMBERS = ("sldNum", "sldImg")
_FALSE = ("0", "false")


def read_pptx(name: str, data: bytes) -> Extraction:
    """Titles (as `##` lines), texts, tables, charts, diagrams and notes of each slide; slides are the pages.

    What stands on a slide is read column by column or row by row, as the gaps between it say.

    Raises:
        BadInput: Encrypted, damaged, too large unpacked, or without text.
    """
    package = Package(name, data, "ppt/presentation.xml")
    root = package.main_xml()
    # Another kind of file may have this place and name.
    if local(root) != "presentation":
        raise BadInput(f"{name} is damaged: {package.main} holds no presentation; open and save it again.")
    relations = package.relations(package.main)
    pages: list[str] = []
    unread_slides: list[int] = []
    hidden_slides: list[int] = []
    omissions: Counter[str] = Counter()
    for number, item in enumerate(children(child(root, "sldIdLst")), 1):
        # A slide that is lost keeps its number, so that those after it keep theirs.
        target = _target(package, relations, item, number)
        slide = _Slide(package, target) if target else None
        if slide is None or local(slide.root) != "sld":
            package.forget(target)
            unread_slides.append(number)
            pages.append("")
            continue
        pages.append(normalise("\n".join(slide.lines())))
        hidden_slides += [number] if attribute(slide.root, "show") in _FALSE else []
        omissions += slide.omissions + count_parts(package, [target])
    # Only all of them are an error; some that are lost are a warning.
    if unread_slides and len(unread_slides) == len(pages):
        raise BadInput(f"{name} is damaged: none of its slides can be read; open and save it again.")
    extraction = _extract(pages, unread_slides, hidden_slides, omissions)
    # Text may be missing because the presentation itself is damaged.
    package.check(extraction.text)
    return replace(extraction, warnings=(*package.flaws(), *extraction.warnings))


def _target(package: Package, relations: Mapping[str, Relation], item: Any, number: int) -> str:
    """The part of a slide; where the relationships themselves are lost, it is the one with its number."""
    relation = relations.get(_relation_id(item))
    usual_name = f"ppt/slides/slide{number}.xml"
    return relation.target if relation else usual_name if not relations and package.has(usual_name) else ""


def _extract(pages: list[str], unread: list[int], hidden_slides: list[int], counts: Counter[str]) -> Extraction:
    silent_slides = [number for number, page in enumerate(pages, 1) if not page and number not in unread]
    # An empty line between slides: their titles are headings.
    text, starts = join_pages(pages, "\n\n")
    warnings = [f"No text on slide {numbers_in_words(silent_slides)}."] if silent_slides else []
    warnings += [f"Slide {numbers_in_words(unread)} is missing or damaged and was not read."] if unread else []
    if hidden_slides:
        warnings.append(f"Slide {numbers_in_words(hidden_slides)} is hidden in the show and was read too.")
    omissions = [
        f"{count:,} {_OMISSIONS[kind][count > 1]}" for kind, count in counts.items() if count and kind in _OMISSIONS
    ]
    # Embedded files and the like are told in the same words for all kinds of files.
    omissions += describe_omissions(counts)
    warnings += [f"Left out: {in_words(omissions)}."] if omissions else []
    return Extraction(text, starts, tuple(warnings), {"pages": len(pages)})


_OMISSIONS = {
    "comments": ("page of comments", "pages of comments"),
    "footers": ("footer or date", "footers and dates"),
    "nowhere": ("piece of text that stands where none is shown", "pieces of text that stand where none is shown"),
    "layouts": ("slide with text of its layout", "slides with text of their layouts"),
}


class _Slide:
    def __init__(self, package: Package, part: str) -> None:
        self._package = package
        self.root = package.xml(part)
        self._relations = package.relations(part)
        self.omissions: Counter[str] = Counter()
        self._places = self._layout_places()
        self._notes = package.find_target(part, "notesSlide")
        self.omissions["comments"] = sum(r.kind == "comments" for r in self._relations.values())

    def lines(self) -> Iterator[str]:
        """The title, then the rest in reading order, then the notes."""
        lines: list[str] = []
        for line in self._lines():
            lines.append(line)
            yield line
        flat = " ".join(" ".join(lines).split())
        # What is in the file and in none of the lines, such as text in a kind of shape that nobody shows.
        self.omissions["nowhere"] += sum(" ".join((t.text or "").split()) not in flat for t in self._texts())

    def _texts(self) -> Iterator[Any]:
        """Pieces of text of the slide, but those of its footers, dates and numbers."""
        for t in texts(next(iter(descendants(self.root, "spTree")), ())):
            shape = next((above for above in t.iterancestors() if local(above) == "sp"), None)
            if _placeholder(shape)[0] not in (*_SMALL_PRINT, *_NUMBERS):
                yield t

    def _lines(self) -> Iterator[str]:
        tree = next(iter(descendants(self.root, "spTree")), None)
        shapes = list(_shapes(tree))
        title = next((shape for shape in shapes if _placeholder(shape)[0] in _TITLES), None)
        # On one line, because a heading is one.
        words = " ".join(" ".join(_paragraphs(title)).split()) if title is not None else ""
        if words:
            yield f"## {words}"
        # The title comes first wherever it stands.
        yield from self._in_order([shape for shape in shapes if shape is not title])
        notes = next(iter(descendants(self._notes, "spTree")), None) if self._notes is not None else None
        for shape in _shapes(notes):
            words = "\n".join(self._shape(shape)).strip()
            # Else it is the number of the page.
            if words and not words.isdecimal():
                yield f"Notes: {words}"

    # Boxes by where they stand: in the file they are in the order in which they were drawn.
    def _in_order(self, shapes: list[Any]) -> Iterator[str]:
        boxes = {shape: box for shape in shapes if (box := self._box(shape)) is not None}
        # Where one has no place, the order in the file is all there is.
        sorted_shapes = reading_order(shapes, boxes.__getitem__) if len(boxes) == len(shapes) else shapes
        for shape in sorted_shapes:
            yield from self._shape(shape)

    def _shape(self, shape: Any) -> Iterator[str]:
        if local(shape) == "grpSp":
            yield from picture_texts(child(shape, "nvGrpSpPr"))
            # Inside of a group places count in its own units, so its parts are put in order by themselves.
            yield from self._in_order(list(_shapes(shape)))
        elif local(shape) in ("graphicFrame", "pic"):
            yield from self._graphic(shape)
        elif _placeholder(shape)[0] in _SMALL_PRINT:
            self.omissions["footers"] += any(True for _ in _paragraphs(shape))
        elif _placeholder(shape)[0] not in _NUMBERS:
            words = [plain_lines(line) for line in _paragraphs(shape)]
            yield from words or self._pictures(shape)

    def _graphic(self, frame: Any) -> Iterator[str]:
        for table in descendants(frame, "tbl"):
            yield from rows_with_names(list(filter(None, map(cells_line, _rows(table))))).split("\n")
        yield from self._pictures(frame)
        for item in frame.iter():
            if local(item) == "chart":
                relation = self._relations.get(_relation_id(item))
                lines = read_chart(self._package, relation.target if relation else "")
                self.omissions["charts"] += not lines
                yield from lines or ()
            elif local(item) == "relIds":
                relation = self._relations.get(attribute(item, "dm"))
                root = self._package.xml(relation.target) if relation else None
                yield from map(plain_lines, drawing_lines(root))

    def _pictures(self, shape: Any) -> Iterator[str]:
        descriptions = picture_texts(shape)
        yield from descriptions
        self.omissions["pictures"] += not descriptions and has_picture(shape)

    def _box(self, shape: Any) -> Box | None:
        # A placeholder without a place of its own stands where the layout, or else the master, puts it.
        return _own_box(shape) or next((self._places[key] for key in _keys(shape) if key in self._places), None)

    def _layout_places(self) -> dict[tuple[str, str], Box]:
        """Where the layout, or else the master, puts the placeholders of a slide, by number and by kind."""
        places: dict[tuple[str, str], Box] = {}
        relations = self._relations
        for kind in ("slideLayout", "slideMaster"):
            target = next((r.target for r in relations.values() if r.kind == kind), "")
            # It only says where things stand.
            root = self._package.xml(target, is_needed=False) if target else None
            relations = self._package.relations(target) if target else {}
            words = False
            for shape in _shapes(next(iter(descendants(root, "spTree")), None)) if root is not None else ():
                # Text that a layout shows on all its slides is no text of this one: told.
                words = words or (not _placeholder(shape)[0] and any(True for _ in _paragraphs(shape)))
                box = _own_box(shape)
                for key in _keys(shape):
                    # Numbers of a master are its own.
                    if box is not None and (kind == "slideLayout" or key[0] == "type"):
                        places.setdefault(key, box)
            self.omissions["layouts"] += words and not self.omissions["layouts"]
        return places


def _relation_id(item: Any) -> str:
    """The `r:id`, which is not the element's own `id`."""
    return next((str(value) for key, value in item.items() if key.startswith("{") and key.endswith("}id")), "")


def _shapes(tree: Any) -> Iterator[Any]:
    for item in children(tree):
        if local(item) == "AlternateContent":
            # What is only drawn by hand has its picture in the fallback.
            # A list first, as a generator is never empty.
            yield from list(_shapes(child(item, "Choice"))) or _shapes(child(item, "Fallback"))
        elif local(item) in ("sp", "grpSp", "graphicFrame", "pic"):
            yield item


def _placeholder(shape: Any) -> tuple[str, str]:
    """Kind and number of a placeholder; empty for any other shape."""
    # `nvSpPr`, `nvPicPr` and others hold the properties of a shape by its kind.
    properties = next((item for item in children(shape) if local(item).startswith("nv")), None)
    placeholder = child(child(properties, "nvPr"), "ph")
    # A placeholder without a type is a body.
    if placeholder is None:
        return "", ""
    return attribute(placeholder, "type") or "body", attribute(placeholder, "idx")


def _keys(shape: Any) -> list[tuple[str, str]]:
    kind, number = _placeholder(shape)
    # By number before kind: a layout may have several bodies.
    return [key for key in (("idx", number), ("type", kind)) if key[1]]


def _own_box(shape: Any) -> Box | None:
    holder = child(shape, "spPr") if local(shape) in ("sp", "pic") else child(shape, "grpSpPr")
    frame = child(holder if holder is not None else shape, "xfrm")
    at, size = child(frame, "off"), child(frame, "ext")
    try:
        x, y = int(at.get("x")), int(at.get("y"))
        return Box(x, y, x + int(size.get("cx")), y + int(size.get("cy")))
    except (AttributeError, TypeError, ValueError):
        # No place, or one that is no number.
        return None


def _paragraphs(shape: Any) -> Iterator[str]:
    for paragraph in children(child(shape, "txBody")):
        if local(paragraph) == "p":
            text = _text(paragraph).strip()
            if text:
                yield text


def _text(paragraph: Any) -> str:
    out = []
    for item in children(paragraph):
        tag = local(item)
        if tag in ("oMath", "oMathPara"):  # `oMathPara` is an equation on a line of its own
            out.append(equation(item))
        elif tag == "AlternateContent":
            out.append(_text(child(item, "Choice") if child(item, "Choice") is not None else child(item, "Fallback")))
        elif tag in ("br", "t"):
            out.append("\n" if tag == "br" else item.text or "")
        elif tag:
            out.append(_text(item))
    return "".join(out)


def _rows(table: Any) -> Iterator[list[str]]:
    """Texts of cells; one that is merged downwards stands in each of its rows."""
    above: list[str] = []
    for row in children(table):
        if local(row) != "tr":
            continue
        cells = [cell for cell in children(row) if local(cell) == "tc"]
        texts = ["\n".join(_text(p) for p in descendants(cell, "p")) for cell in cells]
        for i, cell in enumerate(cells):
            # Merged downwards: the text stands in the first of the cells alone.
            if cell.get("vMerge") in ("1", "true") and i < len(above):
                texts[i] = above[i]
        yield texts
        above = texts
