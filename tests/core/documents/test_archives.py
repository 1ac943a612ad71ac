import io
import zipfile

import pytest

from llmopt_core.documents.load import load_bytes
from llmopt_core.errors import BadInput

from .conftest import pdf_bytes, zip_bytes


def test_a_zip_gives_its_documents_and_tells_what_was_left_out():
    data = zip_bytes(
        {"a.md": b"# A\n\ntext", "sub/b.pdf": pdf_bytes(["Page"]), "c.pdf": b"broken", "d.png": b"x", "in.zip": b"PK",
         "__MACOSX/a.md": b"x", ".hidden.md": b"x", "sub/": b""}
    )  # fmt: skip
    documents = load_bytes("all.zip", data)
    assert [d.name for d in documents] == ["a.md", "sub/b.pdf"]
    assert [note.split(":")[1].split()[0] for note in documents[0].warnings] == ["c.pdf", "d.png", "in.zip"]
    assert documents[1].warnings == ()


def test_the_reading_of_an_archive_is_followed():
    messages = []
    load_bytes("x.zip", zip_bytes({"a.txt": b"a", "b.txt": b"b"}), lambda *part: messages.append(part))
    assert messages == [(0, 2, "file"), (1, 2, "file")]


@pytest.mark.parametrize("name", ["../evil.txt", "/etc/evil.txt", "a/../../evil.txt", "..\\evil.txt", "C:\\evil.txt"])
def test_names_that_lead_outside_are_refused(name):
    with pytest.raises(BadInput, match="unsafe file name"):
        load_bytes("x.zip", zip_bytes({"good.txt": b"good", name: b"evil"}))


@pytest.mark.parametrize(
    ("data", "why"),
    [(zip_bytes({"a.txt": b" " * 50_000_000}), "zip bomb"), (zip_bytes({"a.png": b"x"}), "holds no document"),
     (zip_bytes({"a.txt": b"text"})[:-8], "cut off"), (b"PK\x05\x06" + bytes(18), "holds no document"),
     (zip_bytes({f"{i}.txt": b"x" for i in range(10_001)}), "10,001 files")],
)  # fmt: skip
def test_unusable_archives_give_one_sentence(data, why):
    with pytest.raises(BadInput, match=rf"^x\.zip .*{why}"):
        load_bytes("x.zip", data)


def test_an_encrypted_archive_is_refused():
    data = bytearray(zip_bytes({"a.txt": b"text"}))
    data[6] |= 1
    data[data.rindex(b"PK\x01\x02") + 8] |= 1
    with pytest.raises(BadInput, match="encrypted"):
        load_bytes("x.zip", bytes(data))


def test_a_damaged_member_is_left_out_and_named():
    data = bytearray(zip_bytes({"a.txt": b"text", "b.txt": b"other words " * 50}))
    at = data.index(b"b.txt") + 10
    data[at : at + 10] = b"\xff" * 10
    documents = load_bytes("x.zip", bytes(data))
    assert [d.name for d in documents] == ["a.txt"]
    assert "x.zip is damaged at b.txt" in documents[0].warnings[0]


def test_file_names_in_an_old_chinese_archive_are_read():
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("XXXX.txt", "text")
    data = out.getvalue().replace(b"XXXX", "华沙".encode("gb18030"))
    assert load_bytes("x.zip", data)[0].name == "华沙.txt"


def test_jsonl_gives_a_document_per_line():
    data = (
        '{"_id": "d1", "title": "Warsaw", "text": "Capital.\\r\\nBig.", "language": "en", "tags": [1]}\n\n'
        '{"content": "Second \\ud800\\u0000"}\n'
    )
    first, second = load_bytes("corpus.jsonl", data.encode())
    assert (first.name, first.text) == ("corpus.jsonl/d1", "# Warsaw\n\nCapital.\nBig.")
    assert first.metadata == {"format": "jsonl", "title": "Warsaw", "language": "en"}
    assert (second.name, second.text) == ("corpus.jsonl/3", "Second \ufffd\ufffd")


@pytest.mark.parametrize(
    ("lines", "why"),
    [('{"text": ', "line 1: broken JSON at character 10"), ('["a"]\n{}', "line 1: expected a JSON object"),
     ('{"title": "a"}', "line 1: no text; expected one of text"),
     ("[" * 100_000, "line 1")],
)  # fmt: skip
def test_broken_lines_are_named(lines, why):
    with pytest.raises(BadInput, match=rf"^c\.jsonl {why}"):
        load_bytes("c.jsonl", lines.encode())


def _zip_of(*names):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name in names:
            member = zipfile.ZipInfo("x")
            # Given afterwards: `ZipInfo` and `writestr` refuse or change some names.
            member.filename = name
            archive.writestr(member, "text")
    return out.getvalue()


@pytest.mark.parametrize(
    ("name", "told"),
    [(".", "a file has no name"), ("./.", "a file has no name"), ("", "a file has no name"), ("\0x", "has no name"),
     ("a/" * 3000 + "a.txt", "6,005 characters"), (" ", "files without an ending"), ("a.txt", "a.txt is in the archive "
     "twice"), (".\\.", "a file has no name")],
)  # fmt: skip
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_file_with_an_odd_name_is_left_out_and_told(name, told):
    (document,) = load_bytes("x.zip", _zip_of("a.txt", name))
    assert document.name == "a.txt"
    assert told in document.warnings[0]
    assert len(document.warnings[0]) < 250


@pytest.mark.parametrize("name", ["/", "//", "./", "\\", ".\\", "a/", "a\\"])
def test_a_folder_in_an_archive_is_no_document(name):
    (document,) = load_bytes("x.zip", _zip_of(name, "a.txt"))
    assert (document.name, document.warnings) == ("a.txt", ())


@pytest.mark.parametrize("name", [".", "", ".\\."])
def test_an_archive_of_one_file_without_a_name_gives_one_sentence(name):
    with pytest.raises(BadInput, match=r"^x\.zip holds no document that can be read: a file has no name"):
        load_bytes("x.zip", _zip_of(name))


@pytest.mark.parametrize("name", ["..", "../a", "a/..", "..\\a.txt"])
def test_a_name_that_leads_outside_is_refused_without_an_ending_too(name):
    with pytest.raises(BadInput, match="unsafe file name"):
        load_bytes("x.zip", _zip_of("a.txt", name))
