"""Office files as packages of parts: the main part and what it points to, whatever else in the package is missing."""

from __future__ import annotations

import posixpath
import zipfile
import zlib
from typing import Any, NamedTuple

from llmopt_core.documents.container import open_office
from llmopt_core.errors import BadInput


class Relation(NamedTuple):
    """What one part says of another: the last word of the type, such as `footnotes`, and the part's name."""

    kind: str
    target: str


class Package:
    """The parts of an Office file.

    A relationship that leads nowhere, a missing picture or a broken part beside the text costs nothing but itself.

    Attributes:
        main: Name of the part that holds the document, found by the package's own relationships.
    """

    def __init__(self, name: str, data: bytes, main_part: str) -> None:
        self._name = name
        self._archive = open_office(name, data)
        self._parts = {_plain(part.filename): part for part in reversed(self._archive.infolist())}
        self.main = self._find_main(main_part)

    def _find_main(self, usual: str) -> str:
        folder = usual.split("/", 1)[0] + "/"
        for relation in self.relations("").values():
            # Every kind of Office file calls its main part so: the folder tells them apart.
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
        found = self._parts.get(_plain(part))
        try:
            return self._archive.read(found) if found is not None else None
        except Exception:  # a damaged part can break the unpacker in any way
            return None

    def xml(self, part: str) -> Any:
        """The root of a part beside the text; None where it is missing or damaged."""
        from lxml import etree

        data = self.data(part)
        try:
            return etree.fromstring(data, _parser()) if data is not None else None
        except etree.XMLSyntaxError as error:
            _check_memory(error)
            return None

    def main_xml(self) -> Any:
        """The root of the main part.

        Raises:
            BadInput: Damaged; says where.
        """
        from lxml import etree

        try:
            return etree.fromstring(self._archive.read(self._parts[_plain(self.main)]), _parser())
        except (etree.XMLSyntaxError, zipfile.BadZipFile, zlib.error, OSError, EOFError, ValueError) as error:
            _check_memory(error)
            raise BadInput(
                f"{self._name} is damaged at {self.main} ({str(error)[:120]}): save it again in its own program."
            ) from error

    def relations(self, part: str) -> dict[str, Relation]:
        """By its id, what a part points to inside the package; of the package itself where `part` is empty."""
        folder, file = posixpath.split(part)
        root = self.xml(posixpath.join(folder, "_rels", f"{file}.rels"))
        found = {}
        for element in root if root is not None else ():
            if not isinstance(element.tag, str) or element.get("TargetMode") == "External":
                continue
            target = posixpath.normpath(posixpath.join("/", folder, element.get("Target", ""))).lstrip("/")
            found[element.get("Id", "")] = Relation(element.get("Type", "").rsplit("/", 1)[-1], target)
        return found

    def addresses(self, part: str) -> list[str]:
        """Where the links of a part lead outside the package."""
        folder, file = posixpath.split(part)
        root = self.xml(posixpath.join(folder, "_rels", f"{file}.rels"))
        return [
            element.get("Target", "")
            for element in (root if root is not None else ())
            if isinstance(element.tag, str)
            and element.get("TargetMode") == "External"
            and element.get("Type", "").endswith("/hyperlink")
        ]

    def related(self, part: str, kind: str) -> Any:
        """The root of the first part of a kind that `part` points to; None where there is none."""
        for relation in self.relations(part).values():
            if relation.kind == kind:
                return self.xml(relation.target)
        return None


def local(element: Any) -> str:
    """The tag without its namespace; empty for comments."""
    tag = element.tag
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
    return [item for item in element if local(item)] if element is not None else []


def value_of(element: Any, name: str) -> str:
    """The `val` of a child; empty where it is absent."""
    found = child(element, name)
    return attribute(found, "val") if found is not None else ""


def descendants(element: Any, name: str) -> list[Any]:
    """All elements inside with this tag, in order; none where there is no element."""
    return [item for item in element.iter() if local(item) == name] if element is not None else []


def _plain(part: str) -> str:
    return part.replace("\\", "/").lstrip("/").lower()


def _parser() -> Any:
    from lxml import etree

    return etree.XMLParser(resolve_entities=False, no_network=True)


def _check_memory(error: Exception) -> None:
    """libxml2 has no memory left where it names neither a fault nor a line; that is no fault of the file.

    Raises:
        MemoryError: It is so.
    """
    if getattr(error, "lineno", None) == 0 and str(error).startswith(("unknown error", "Memory allocation failed")):
        raise MemoryError from error
