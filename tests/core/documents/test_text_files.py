import random

import pytest

from llmopt_core.documents.duplicates import duplicates
from llmopt_core.documents.load import load_bytes, load_documents
from llmopt_core.errors import BadInput
from llmopt_core.types import Document

FRENCH = "Le café près de l'hôtel était fermé. Où sont les élèves ? Ça ne fait rien, répondit-elle, très déçue."
GERMAN = "Die Straße führt über die Brücke nach München. Größe, Maß und Übermut: die Bäume blühen im März."
CHINESE = "华沙的第一家证券交易所成立于 1817 年，一直营业到第二次世界大战。如今它是该地区最大的市场。"


def text_of(data: bytes, name: str = "a.txt") -> str:
    return load_bytes(name, data)[0].text


@pytest.mark.parametrize("text", [FRENCH, GERMAN, CHINESE, "emoji 👩‍👩‍👧 and e\u0301, عربي, עברית"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_unicode_encodings_are_read_exactly(text, encoding):
    assert text_of(text.encode(encoding)) == text


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("text", [FRENCH, "第一行\n" + CHINESE])
def test_utf16_without_mark(text, encoding):
    assert text_of(text.encode(encoding)) == text


@pytest.mark.parametrize(
    ("text", "encoding", "told"),
    [(FRENCH, "latin-1", "Latin-1"), (GERMAN, "latin-1", "Latin-1"),
     ("“Smart” – quotes: €5 " + FRENCH, "cp1252", "1252"),
     (CHINESE, "gb18030", "GB18030"), (CHINESE * 5000, "gb18030", "GB18030"), (CHINESE, "gbk", "GB18030"),
     ("臺灣的首都是臺北，人口約兩百六十萬人。這個城市的捷運非常方便。", "big5", "big5"),
     ("日本の首都は東京です。人口は約千四百万人で、世界最大の都市圏の一つである。", "shift_jis", "shift_jis"),
     ("Большая часть леса находится в Бразилии.", "cp1251", "cp1251")],
)  # fmt: skip
def test_other_encodings_are_recognised_and_told(text, encoding, told):
    document = load_bytes("a.txt", text.encode(encoding))[0]
    assert document.text == text
    assert told in document.warnings[0]


@pytest.mark.parametrize("text", ["Café au lait.", "été", "Straße", "naïve"])
def test_a_short_latin_1_text_is_not_taken_for_chinese(text):
    assert text_of(text.encode("latin-1")) == text


def test_a_damaged_utf8_file_stays_utf8():
    data = (CHINESE * 20).encode()[:-1]
    document = load_bytes("a.txt", data)[0]
    assert document.text[:-1] == (CHINESE * 20)[:-1]
    assert "1 damaged character" in document.warnings[0]


def test_a_cut_utf16_file_is_told():
    document = load_bytes("a.txt", FRENCH.encode("utf-16")[:-1])[0]
    assert document.text.startswith(FRENCH[:-2])
    assert "damaged" in document.warnings[0]


def test_newlines_and_marks_are_one_form():
    assert text_of("\ufeffa\r\nb\rc\n".encode()) == "a\nb\nc\n"


def test_nul_bytes_are_replaced_one_by_one_so_that_offsets_hold():
    document = load_bytes("a.txt", b"before\0after and more text")[0]
    assert document.text == "before\ufffdafter and more text"
    assert document.warnings == ("1 NUL character was replaced by U+FFFD.",)
    (line,) = load_bytes("a.jsonl", b'{"text": "before\\u0000after"}')
    assert line.text == "before\ufffdafter"


@pytest.mark.parametrize(
    ("data", "why"),
    [(b"", "empty"), (b" \n\t", "empty"), (b"%PDF-1.7 rest", "PDF"), (b"PK\x03\x04rest", "zip or Office"),
     (b"\x89PNG\r\n\x1a\n0000", "picture"), (b"a\0\0\0" * 100, "NUL"), (b"\xff\xfe\x00\xd8" * 50, "UTF-16")],
)  # fmt: skip
def test_what_is_not_text_is_refused(data, why):
    with pytest.raises(BadInput, match=why):
        load_bytes("a.txt", data)


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("size", [1_000, 20_000])
def test_bytes_without_meaning_are_refused_whatever_they_look_like(seed, size):
    with pytest.raises(BadInput, match=r"a\.txt (is not text|looks like UTF-16)"):
        load_bytes("a.txt", random.Random(seed).randbytes(size))


@pytest.mark.parametrize(
    ("name", "why"), [("a.xyz", r"\.xyz cannot be read"), ("README", "without an ending"), ("a.doc", "save it as DOCX")]
)
def test_unknown_kinds_are_refused(name, why):
    with pytest.raises(BadInput, match=why):
        load_bytes(name, b"text")


def test_a_100_mb_text_and_one_long_line_are_read():
    assert len(text_of(b"x" * 5_000_000)) == 5_000_000


def test_a_text_beyond_the_limit_is_refused_before_reading(tmp_path):
    path = tmp_path / "big.txt"
    with path.open("wb") as file:
        file.truncate(300_000_000)
    with pytest.raises(BadInput, match=r"big.txt has 300 MB, more than the 256 MB"):
        load_documents([path])


def test_a_folder_gives_sorted_documents_named_from_it(tmp_path):
    (tmp_path / "sub").mkdir()
    (tmp_path / ".hidden").mkdir()
    for name in ("b.md", "sub/a.txt", "picture.png", ".hidden/c.txt"):
        (tmp_path / name).write_text("text of " + name)
    assert [d.name for d in load_documents([tmp_path])] == ["b.md", "sub/a.txt"]
    assert [d.name for d in load_documents([tmp_path / "sub"], root=tmp_path)] == ["sub/a.txt"]
    assert load_documents([tmp_path / "b.md"])[0].metadata == {"format": "md"}


def test_missing_paths_empty_folders_and_equal_names_are_refused(tmp_path):
    with pytest.raises(BadInput, match="no file or folder"):
        load_documents([tmp_path / "absent"])
    with pytest.raises(BadInput, match="no file that can be read"):
        load_documents([tmp_path])
    for folder in ("x", "y"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "a.txt").write_text("text")
    with pytest.raises(BadInput, match=r"Two documents are named a\.txt"):
        load_documents([tmp_path / "x", tmp_path / "y"])


def test_an_unreadable_file_is_named(tmp_path):
    (tmp_path / "a.txt").symlink_to(tmp_path / "gone")
    with pytest.raises(BadInput, match=r"no file or folder .*a\.txt"):
        load_documents([tmp_path / "a.txt"])


def test_equal_texts_are_recognised():
    documents = [Document("a", "same"), Document("b", "other"), Document("c", "same")]
    assert duplicates(documents) == [("a", "c")]


def test_a_line_of_a_title_alone_is_a_document_and_one_without_both_is_refused():
    title, none = b'{"_id": "d2", "title": "A title alone", "text": ""}', b'{"_id": "d3", "text": ""}'
    found = load_bytes("a.jsonl", b'{"_id": "d1", "text": "First."}\n' + title)
    assert [document.text.strip() for document in found] == ["First.", "# A title alone"]
    with pytest.raises(BadInput, match=r"a\.jsonl line 1: no text"):
        load_bytes("a.jsonl", none)
