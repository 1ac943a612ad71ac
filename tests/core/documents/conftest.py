"""Small files of every kind, made on the spot."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable

import pytest


def pdf_bytes(pages: list[str], password: str = "") -> bytes:
    from reportlab.pdfgen import canvas

    out = io.BytesIO()
    page = canvas.Canvas(out)
    for text in pages:
        for number, line in enumerate(text.split("\n")):
            page.drawString(72, 750 - 14 * number, line)
        page.showPage()
    page.save()
    return _encrypted(out.getvalue(), password) if password else out.getvalue()


def _encrypted(data: bytes, password: str) -> bytes:
    from pypdf import PdfReader, PdfWriter

    writer = PdfWriter(clone_from=PdfReader(io.BytesIO(data)))
    # An empty user password opens the file; only the owner needs the other one.
    writer.encrypt("" if password == "owner-only" else password, "owner", algorithm="AES-256")
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()


def zip_bytes(files: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return out.getvalue()


@pytest.fixture
def docx_bytes() -> Callable[..., bytes]:
    def make(*, heading: str = "Leave policy", paragraph: str = "Staff get 25 days.") -> bytes:
        import docx

        document = docx.Document()
        document.add_heading(heading, 1)
        document.add_paragraph(paragraph)
        document.add_heading("Parents", 2)
        document.add_paragraph("Sixteen weeks.", style="List Bullet")
        table = document.add_table(2, 2)
        for i, cells in enumerate((("Country", "Days"), ("France", "30"))):
            for j, text in enumerate(cells):
                table.cell(i, j).text = text
        document.add_paragraph("The end.")
        out = io.BytesIO()
        document.save(out)
        return out.getvalue()

    return make
