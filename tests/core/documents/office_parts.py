"""Office files with parts changed by hand."""

from __future__ import annotations

import io
import zipfile

from .conftest import zip_bytes

OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"


def parts_of(data: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def with_parts(data: bytes, parts: dict[str, bytes | None]) -> bytes:
    """The file with parts replaced or added; None takes one away."""
    files = {**parts_of(data), **parts}
    return zip_bytes({name: content for name, content in files.items() if content is not None})


def related(data: bytes, rels: str, kind: str, target: str) -> bytes:
    """The file with one more relationship in one of its `.rels` parts."""
    line = f'<Relationship Id="rIdX{kind}" Type="{OFFICE}/{kind}" Target="{target}"/></Relationships>'
    return with_parts(data, {rels: parts_of(data)[rels].replace(b"</Relationships>", line.encode())})


def docx(body: str, **parts: str) -> bytes:
    """A DOCX of this body; parts such as `footnotes` are added beside it."""
    import docx as library

    out = io.BytesIO()
    library.Document().save(out)
    data = out.getvalue()
    head = parts_of(data)["word/document.xml"].split(b"<w:body>")[0]
    tags = 'xmlns:m="http://schemas.openxmlformats.org/officeDocument/2006/math"'
    head = head.replace(b"<w:document ", f"<w:document {'' if b'xmlns:m=' in head else tags} ".encode())
    data = with_parts(data, {"word/document.xml": head + f"<w:body>{body}</w:body></w:document>".encode()})
    for kind, content in parts.items():
        data = with_parts(data, {f"word/{kind}.xml": _wrapped(kind, content)})
        if f'Target="{kind}.xml"'.encode() not in parts_of(data)["word/_rels/document.xml.rels"]:
            data = related(data, "word/_rels/document.xml.rels", kind, f"{kind}.xml")
    return data


def _wrapped(kind: str, content: str) -> bytes:
    word = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
    tag = {"header": "hdr", "footer": "ftr"}.get(kind, kind)
    return f'<w:{tag} xmlns:w="{word}">{content}</w:{tag}>'.encode()


def paragraph(text: str, properties: str = "") -> str:
    return f"<w:p><w:pPr>{properties}</w:pPr><w:r><w:t>{text}</w:t></w:r></w:p>"
