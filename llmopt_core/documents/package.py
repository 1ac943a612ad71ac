"""Office files as packages of parts: the main part and what it points to, whatever else in the package is missing."""

from __future__ import annotations

import posixpath
import zipfile
import zlib
from collections.abc import Iterator
from typing import Any, NamedTuple

from llmopt_core.documents.container import open_office
from llmopt_core.documents.text import in_words
from llmopt_core.errors import BadInput


class Relation(NamedTuple):
    """What one part says of another: the last word of the type, such as `footnotes`, and the part's name."""

    kind: str
    target: str


class Package:
    """The parts of an Office file.

    A relationship that leads nowhere, a missing picture or a broken part beside the text costs nothing but itself.
    Broken XML is read as far as it goes.

    Attributes:
        main: Name of the part that holds the document, found by the package's own relationships.
        faults: What is wrong with each part that was needed and is not well-formed.
        missing: Parts that were needed, in the order in which they were missed.
    """

    def __init__(self, name: str, data: bytes, main_part: str) -> None:
        self._name = name
        self._archive = open_office(name, data)
        # Reversed, so that of two parts of one name the first is taken.
        self._parts = {_plain(part.filename): part for part in reversed(self._archive.infolist())}
        self.faults: dict[str, str] = {}
        self.missing: dict[str, None] = {}
        self.main = self._find_main(main_part)

    def _find_main(self, usual: str) -> str:
        folder = usual.split("/", 1)[0] + "/"
        for relation in self.relations("").values():
            # Every kind of Office file calls its main part so: the folder tells them apart.
            # Checked: a relationship may name a part that is not there, and the usual one is.
            if relation.kind == "officeDocument" and relation.target.startswith(folder) and self.has(relation.target):
                return relation.target
        if not self.has(usual):
            raise BadInput(f"{self._name} is not the kind of file its ending says: {usual} is missing inside.")
        return usual

    def has(self, part: str) -> bool:
        """Whether there is such a part."""
        return _plain(part) in self._parts

    def data(self, part: str) -> bytes | None:
        """The bytes of a part; None where it is missing or damaged."""
        entry = self._parts.get(_plain(part))
        try:
            return self._archive.read(entry) if entry is not None else None
        except Exception:  # a damaged part can break the unpacker in any way
            return None

    def xml(self, part: str, *, is_needed: bool = True) -> Any:
        """The root of a part beside the text, as far as it can be read; None where it is missing or nothing can.

        Args:
            part: Its name.
            is_needed: Whether a reader is to be told of a flaw in it.
        """
        data = self.data(part)
        if data is None:
            if is_needed and part:
                self._note_loss(part)
            return None
        root, fault = parse_xml(data)
        if fault and is_needed:
            self.faults[part] = fault
        return root

    def main_xml(self) -> Any:
        """The root of the main part, as far as it can be read.

        Raises:
            BadInput: Nothing of it can; says where it is damaged.
        """
        try:
            data = self._archive.read(self._parts[_plain(self.main)])
        except (zipfile.BadZipFile, zlib.error, OSError, EOFError, ValueError) as error:
            # The main part is not passed over: without it there is no document.
            raise self._unreadable(str(error)[:120]) from error
        root, fault = parse_xml(data)
        if root is None:
            raise self._unreadable(fault)
        if fault:
            self.faults[self.main] = fault
        return root

    def check(self, text: str) -> None:
        """Raises BadInput where there is no text because the main part is damaged."""
        if not text.strip() and self.main in self.faults:
            raise self._unreadable(self.faults[self.main])

    def flaws(self) -> Iterator[str]:
        """A warning for parts that were read only in part or not at all, and one for parts that are not there."""
        if self.faults:
            parts = in_words([f"{part} ({fault})" for part, fault in self.faults.items()])
            yield f"Damaged inside the file, and read as far as possible: {parts}."
        if self.missing:
            yield f"Missing inside the file: {in_words(list(self.missing))}."

    def forget(self, part: str) -> None:
        """A part of which a reader says itself that it was not read is in no warning of `flaws`."""
        self.faults.pop(part, None)
        self.missing.pop(part, None)

    def _note_loss(self, part: str) -> None:
        if self.has(part):
            self.faults[part] = "cannot be unpacked"
        else:
            self.missing[part] = None

    def _unreadable(self, fault: str) -> BadInput:
        return BadInput(f"{self._name} is damaged at {self.main} ({fault}): save it again in its own program.")

    def relations(self, part: str) -> dict[str, Relation]:
        """By its id, what a part points to inside the package; of the package itself where `part` is empty."""
        folder, _ = posixpath.split(part)
        root = self._read_relations(part)
        relations = {}
        for element in root if root is not None else ():
            if not isinstance(element.tag, str) or element.get("TargetMode") == "External":
                continue
            # Targets may be absolute, relative, or with `..`; `normpath` cannot lead out, as parts are names in a
            # table.
            target = posixpath.normpath(posixpath.join("/", folder, element.get("Target", ""))).lstrip("/")
            # Two namespaces (transitional and strict) have the same last word.
            relations[element.get("Id", "")] = Relation(element.get("Type", "").rsplit("/", 1)[-1], target)
        return relations

    def addresses(self, part: str) -> list[str]:
        """Where the links of a part lead outside the package."""
        root = self._read_relations(part)
        return [
            element.get("Target", "")
            for element in (root if root is not None else ())
            if isinstance(element.tag, str)
            and element.get("TargetMode") == "External"
            and element.get("Type", "").endswith("/hyperlink")
        ]

    def _read_relations(self, part: str) -> Any:
        folder, file = posixpath.split(part)
        name = posixpath.join(folder, "_rels", f"{file}.rels")
        # Most parts point to nothing, and have none.
        # A missing one of the package itself is told when its main part is not found.
        return self.xml(name, is_needed=bool(part)) if self.has(name) else None

    def find_target(self, part: str, kind: str) -> Any:
        """The root of the first part of a kind that `part` points to; None where there is none.

        Where the relationships themselves are lost, it is the part with the usual name.
        """
        relations = self.relations(part)
        for relation in relations.values():
            if relation.kind == kind:
                return self.xml(relation.target)
        # Usual names, as `word/footnotes.xml`, where the relationships are lost.
        usual_name = posixpath.join(posixpath.dirname(part), f"{kind}.xml")
        return self.xml(usual_name) if not relations and self.has(usual_name) else None


def local(element: Any) -> str:
    """The tag without its namespace; empty for comments and for nothing."""
    tag = getattr(element, "tag", None)
    # Comments and processing instructions have a function for a tag.
    return tag.rsplit("}", 1)[-1] if isinstance(tag, str) else ""


def attribute(element: Any, name: str) -> str:
    """An attribute's value, whatever its namespace; empty where it, or the element, is absent."""
    for key, value in element.items() if element is not None else ():
        if key.rsplit("}", 1)[-1] == name:
            return str(value)
    return ""


def child(element: Any, name: str) -> Any:
    """The first child with this tag, whatever its namespace; None where there is none."""
    return next((item for item in element if local(item) == name), None) if element is not None else None


def children(element: Any) -> list[Any]:
    """The elements directly inside; none where there is no element."""
    # `local` is empty for comments between elements.
    return [item for item in element if local(item)] if element is not None else []


def value_of(element: Any, name: str) -> str:
    """The `val` of a child; empty where it is absent."""
    item = child(element, name)
    return attribute(item, "val") if item is not None else ""


def descendants(element: Any, name: str) -> list[Any]:
    """All elements inside with this tag, in order; none where there is no element."""
    return [item for item in element.iter() if local(item) == name] if element is not None else []


def _plain(part: str) -> str:
    # Some tools write backslashes or a leading slash, which the standard forbids.
    return part.replace("\\", "/").lstrip("/").lower()  # names may differ in case


def parse_xml(data: bytes) -> tuple[Any, str]:
    """The root of an XML text and what is wrong with it; what is not well-formed is read as far as it goes.

    The root is None where nothing can be read.
    """
    from lxml import etree

    try:
        return etree.fromstring(data, _parser()), ""
    except (etree.XMLSyntaxError, ValueError) as error:
        # `ValueError`: text with NULs, which lxml refuses before it parses.
        _check_memory(error)
        fault = str(getattr(error, "msg", "") or error)[:120]
    # With `recover` libxml2 goes over faults; tried second, as it tells nothing of what it left out.
    try:
        root = etree.fromstring(data, _parser(recover=True))
    except (etree.XMLSyntaxError, ValueError):
        return None, fault
    # A root without anything inside is what `recover` makes of nothing.
    return (root if root is not None and len(root) else None), fault


def whole_number(text: str, otherwise: int = 0) -> int:
    """What an attribute counts; `otherwise` where it is no number, or one that no file can mean."""
    # ASCII: `isdecimal` takes digits of other scripts. Ten digits and more fit no counter of these formats.
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else otherwise


def _parser(*, recover: bool = False) -> Any:
    from lxml import etree

    # Entities would read files of this machine, or unfold without end; nothing is fetched over the network.
    return etree.XMLParser(resolve_entities=False, no_network=True, recover=recover)


def _check_memory(error: Exception) -> None:
    """libxml2 has no memory left where it names neither a fault nor a line; that is no fault of the file.

    Raises:
        MemoryError: It is so.
    """
    if getattr(error, "lineno", None) == 0 and str(error).startswith(("unknown error", "Memory allocation failed")):
        raise MemoryError from error
