"""Files that would take a reader minutes or all memory: read where that is reasonable, else stopped with a sentence."""

import io
import os
import re
import socket
import zipfile

import pytest

from llmopt_core.documents import container, limits
from llmopt_core.documents.load import load_bytes, load_documents
from llmopt_core.documents.questions import BadQuestionFile, load_questions, read_questions
from llmopt_core.errors import BadInput
from llmopt_core.types import Document

from .conftest import zip_bytes

ENDLESS = b"<p " + b" ".join(b"a%d=''" % i for i in range(60_000)) + b">text</p>"


def _changed(data: bytes, part: str, pattern: bytes, by: bytes) -> bytes:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    files[part] = re.sub(pattern, lambda _: by, files[part], flags=re.DOTALL)
    return zip_bytes(files)


def _xlsx(rows: bytes) -> bytes:
    from openpyxl import Workbook

    out = io.BytesIO()
    Workbook().save(out)
    return _changed(
        out.getvalue(), "xl/worksheets/sheet1.xml", rb"<sheetData\s*/>|<sheetData>.*</sheetData>",
        b"<sheetData>" + rows + b"</sheetData>",
    )  # fmt: skip


def _cell(place: str, value: str) -> bytes:
    return f'<c r="{place}" t="inlineStr"><is><t>{value}</t></is></c>'.encode()


def _docx(body: bytes) -> bytes:
    import docx

    out = io.BytesIO()
    docx.Document().save(out)
    return _changed(
        out.getvalue(), "word/document.xml", rb"<w:body>.*</w:body>", b"<w:body>" + body + b"</w:body>"
    )  # fmt: skip


def _paragraph(text: str) -> bytes:
    return f"<w:p><w:r><w:t>{text}</w:t></w:r></w:p>".encode()


@pytest.fixture
def little_time(monkeypatch):
    monkeypatch.setattr(limits, "READ_SECONDS", 0.3)
    monkeypatch.setattr(limits, "READ_SECONDS_PER_MEGABYTE", 0.0)


def test_a_far_row_and_a_far_column_are_read_like_near_ones():
    rows = b"".join(
        b'<row r="%d">%s</row>' % (number, cells)
        for number, cells in (
            (1, _cell("A1", "name") + _cell("XFD1", "note")),
            (2, _cell("A2", "Ann") + _cell("XFD2", "far")),
            (900_000_000, _cell("A900000000", "Bob")),
        )
    )
    rows += b"".join(
        b'<row r="%d">%s</row>' % (n, _cell(f"XFD{n}", "x")) for n in range(900_000_001, 900_020_001)
    )  # fmt: skip
    text = load_bytes("far.xlsx", _xlsx(rows))[0].text
    assert text.startswith("# Sheet\n\nname: Ann\nnote: far\n\nname: Bob\n\nnote: x\n\nnote: x")
    assert text.count("note: x") == 20_000


def test_a_cell_over_a_billion_columns_is_one_cell_and_merged_ones_keep_their_words():
    def cell(properties: str, text: str) -> bytes:
        return f"<w:tc><w:tcPr>{properties}</w:tcPr>".encode() + _paragraph(text) + b"</w:tc>"

    table = (
        b"<w:tbl><w:tblPr/><w:tblGrid/>"
        b"<w:tr>" + cell('<w:gridSpan w:val="1000000000"/>', "wide") + cell("", "last") + b"</w:tr>"
        b"<w:tr>" + cell("", "a") + cell('<w:vMerge w:val="restart"/>', "tall") + b"</w:tr>"
        b"<w:tr>" + cell("", "b") + cell("<w:vMerge/>", "") + b"</w:tr>"
        b"</w:tbl>"
    )
    assert load_bytes("t.docx", _docx(table))[0].text == "wide | last\na | tall\nb | tall"


def test_the_limit_of_a_part_holds_under_any_name(monkeypatch):
    monkeypatch.setattr(limits, "OFFICE_PART_BYTES", 1000)
    data = zip_bytes({"word/document.xml": b"<x/>", "word/main.bin": os.urandom(2000)})
    with pytest.raises(BadInput, match=r"part of .* uncompressed"):
        container.open_office("x.docx", data, "word/document.xml")


def test_a_zip_is_refused_by_its_table_and_its_method_before_that_costs_memory(monkeypatch):
    monkeypatch.setattr(limits, "ZIP_FILES", 2)
    monkeypatch.setattr(zipfile, "ZipFile", None)
    with pytest.raises(BadInput, match="more than 2 files"):
        container.open_zip("x.zip", b"PK\x03\x04" + b"PK\x01\x02" * 21)
    monkeypatch.undo()
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_LZMA) as archive:
        archive.writestr("a.txt", "words " * 100)
    with pytest.raises(BadInput, match=r"x\.zip is packed by a method that is not read"):
        load_bytes("x.zip", out.getvalue())


@pytest.mark.parametrize("charset", ["punycode", "unicode_escape", "utf-7", "unicode:escape", "idna"])
def test_encodings_that_are_none_of_the_web_are_not_tried(charset):
    text = r"a\u0041 +AEE- " + "b" * 200_000
    page = f'<meta charset="{charset}"><p>{text}</p>'.encode()
    assert load_bytes("a.html", page)[0].text == text


def test_a_page_nested_beyond_what_the_parser_follows_is_refused_not_cut():
    with pytest.raises(BadInput, match="nested too deeply"):
        load_bytes("a.html", b"<p>before</p>" + b"<div>" * 100_000 + b"lost")


def test_a_reader_that_takes_too_long_is_stopped_and_says_so(little_time):
    with pytest.raises(BadInput, match=r"^a\.html takes too long to be read .* plain text file\.$"):
        load_bytes("a.html", ENDLESS * 8)


def test_a_reader_that_takes_too_much_memory_is_stopped_and_says_so(monkeypatch):
    monkeypatch.setattr(limits, "READ_MEMORY", 90_000_000)
    monkeypatch.setattr(limits, "READ_MEMORY_PER_BYTE", 0)
    data = _docx(b"".join(_paragraph(f"{n * 2654435761 % 2**32:x}") for n in range(300_000)))
    with pytest.raises(BadInput, match=r"^a\.docx needs more than 90 MB of memory"):
        load_bytes("a.docx", data)


def test_one_file_that_never_ends_does_not_keep_the_rest_of_an_archive(little_time):
    found = load_bytes("all.zip", zip_bytes({"a.html": b"<p>first", "b.html": ENDLESS * 8, "c.txt": b"third"}))
    assert [document.name for document in found] == ["a.html", "c.txt"]
    assert re.search(r"^Left out of all\.zip: b\.html takes too long", found[0].warnings[0])


def test_whoever_waits_can_leave():
    class Left(BaseException):
        pass

    def leave():
        raise Left

    with pytest.raises(Left):
        load_bytes("a.html", ENDLESS * 8, heartbeat=leave)


@pytest.mark.parametrize("kind", ["pipe", "device", "socket"])
def test_what_may_never_end_is_no_file(tmp_path, kind):
    path = tmp_path / "odd.txt"
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "device":
        path.symlink_to("/dev/zero")
    else:
        socket.socket(socket.AF_UNIX).bind(str(path))
    for read in (lambda: load_documents([path]), lambda: load_questions(path)):
        with pytest.raises(BadInput, match=r"odd\.txt (is a folder, pipe or device|cannot be read)"):
            read()


def test_large_question_files_are_read_the_same_way_apart(monkeypatch):
    documents = [Document("a.txt", "The harbour was built in 1712.")]
    lines = [b'{"question": "When?", "document": "a.txt", "quote": "built in 1712"}'] * 20
    here = read_questions(b"\n".join(lines), "q.jsonl", documents)
    monkeypatch.setattr(limits, "READ_AT_ONCE_BYTES", 10)
    assert read_questions(b"\n".join(lines), "q.jsonl", documents) == here
    with pytest.raises(BadQuestionFile, match=r"^q\.jsonl line 21: `question` is empty\.$") as error:
        read_questions(b"\n".join([*lines, b'{"question": ""}']), "q.jsonl", documents)
    assert error.value.problems[0].line == 21


def test_looking_up_quotes_without_end_is_stopped(monkeypatch):
    monkeypatch.setattr(limits, "QUESTIONS_SECONDS", 0.5)
    documents = [Document("a.txt", "abc defg hij klmnop " * 100_000)]
    line = '{"question": "q", "quote": "' + "abc defh hij klnnop " * 240 + '%d"}'
    with pytest.raises(BadInput, match=r"^q\.jsonl takes too long"):
        read_questions("\n".join(line % n for n in range(200)).encode(), "q.jsonl", documents)
