"""Data sets as BEIR and MTEB publish them."""

import io
import zipfile
from pathlib import Path

import pytest

from llmopt_core.documents.beir import is_beir, read_beir, read_beir_files
from llmopt_core.errors import BadInput

CORPUS = (
    b'{"_id": "d1", "title": "Pier", "text": "The pier opened in 1887."}\n'
    b'{"_id": "d 2", "title": "", "text": "Boats left at noon."}\n'
)
QUERIES = b'{"_id": "q1", "text": "When did it open?"}\n{"_id": "q2", "text": "When did boats leave?"}\n'
QRELS = b"query-id\tcorpus-id\tscore\nq1\td1\t1\nq2\td 2\t2\n"
FILES = {"corpus.jsonl": CORPUS, "queries.jsonl": QUERIES, "qrels/test.tsv": QRELS}


def folder(tmp_path: Path, files: dict[str, bytes] | None = None) -> Path:
    root = tmp_path / "harbours"
    for name, data in (FILES if files is None else files).items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return root


def zipped(files: dict[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return stream.getvalue()


def check(dataset) -> None:
    assert [document.name for document in dataset.documents] == ["harbours.jsonl/d1", "harbours.jsonl/d 2"]
    texts = {document.name: document.text for document in dataset.documents}
    result = dataset.questions.evaluation_set
    assert result.name == "harbours"
    sources = {e.id: [(s.document, texts[s.document][s.start : s.end]) for s in e.references] for e in result.examples}
    assert sources == {
        "q1": [("harbours.jsonl/d1", texts["harbours.jsonl/d1"])],
        "q2": [("harbours.jsonl/d 2", "Boats left at noon.")],
    }
    assert "The pier opened in 1887." in texts["harbours.jsonl/d1"]


def test_a_folder_becomes_documents_and_questions_that_know_their_sources(tmp_path: Path) -> None:
    check(read_beir(folder(tmp_path)))


@pytest.mark.parametrize("inside", ["", "harbours/", "a/b/"])
def test_a_zip_is_read_whatever_folder_is_inside(inside: str) -> None:
    check(read_beir(zipped({f"{inside}{name}": data for name, data in FILES.items()}), "harbours.zip"))


def test_notes_of_macos_are_no_files_of_the_set() -> None:
    check(
        read_beir(zipped({**FILES, "__MACOSX/corpus.jsonl": b"\0", "__MACOSX/qrels/._test.tsv": b"\0"}), "harbours.zip")
    )


@pytest.mark.parametrize("names", [("corpus.jsonl", "queries.jsonl", "test.tsv"), ("c.jsonl", "q.jsonl", "j.tsv")])
def test_three_uploads_are_told_apart_by_name_or_by_content(names: tuple[str, str, str]) -> None:
    check(read_beir_files(dict(zip(names, FILES.values(), strict=True)), "harbours"))


@pytest.mark.parametrize(
    "qrels",
    [
        b'{"query-id": "q1", "corpus-id": "d1", "score": 1}\n{"query-id": "q2", "corpus-id": "d 2", "score": 1.0}\n',
        b"query-id,corpus-id,score\nq1,d1,1\nq2,d 2,1\n",
        b"q1\t0\td1\t1\nq2\t0\td 2\t1\n",
    ],
)
def test_judgements_in_the_forms_of_mteb_csv_and_trec(qrels: bytes) -> None:
    check(read_beir_files({"corpus.jsonl": CORPUS, "queries.jsonl": QUERIES, "qrels.jsonl": qrels}, "harbours"))


def test_the_test_part_is_usual_and_another_is_chosen_by_name(tmp_path: Path) -> None:
    dev = b"query-id\tcorpus-id\tscore\nq2\td1\t1\n"
    root = folder(tmp_path, {**FILES, "qrels/dev.tsv": dev})
    assert (read_beir(root).part, read_beir(root).parts) == ("test", ("dev", "test"))
    choice = read_beir(root, part="dev").questions.evaluation_set.examples
    assert [(e.id, e.references[0].document) for e in choice] == [("q2", "harbours.jsonl/d1")]
    with pytest.raises(BadInput, match="no judgements named train; it has dev and test"):
        read_beir(root, part="train")


@pytest.mark.parametrize("name", list(FILES))
def test_a_missing_file_is_named(tmp_path: Path, name: str) -> None:
    files = {other: data for other, data in FILES.items() if other != name}
    with pytest.raises(BadInput, match=f"harbours is no BEIR data set: {name} is missing"):
        read_beir(folder(tmp_path, files))


@pytest.mark.parametrize(
    ("files", "message"),
    [
        (
            {**FILES, "qrels/test.tsv": b"q1\td1\n"},
            r"test\.tsv line 1: expected query-id, corpus-id and a score|no judg",
        ),
        ({**FILES, "qrels/test.tsv": b'{"query-id": "q1", "score": 1}\n'}, r"test\.tsv line 1: expected query-id"),
        ({**FILES, "qrels/test.tsv": b'{"query-id": "q1"\n'}, r"test\.tsv line 1: broken JSON"),
        ({**FILES, "qrels/test.tsv": b"x\td1\t1\n"}, "No question of the file is judged"),
        ({**FILES, "corpus.jsonl": b"not json\n"}, r"harbours\.jsonl line 1: broken JSON"),
        ({**FILES, "queries.jsonl": b"{}\n"}, r"queries\.jsonl"),
    ],
)
def test_a_bad_file_is_named_with_its_line(tmp_path: Path, files: dict[str, bytes], message: str) -> None:
    with pytest.raises(BadInput, match=message):
        read_beir(folder(tmp_path, files))


def test_what_is_no_data_set_is_told_apart(tmp_path: Path) -> None:
    assert is_beir(folder(tmp_path))
    other = tmp_path / "texts"
    other.mkdir()
    (other / "a.jsonl").write_bytes(CORPUS)
    assert not is_beir(other)
    assert not is_beir(tmp_path / "gone.zip")


def test_two_corpora_are_refused() -> None:
    with pytest.raises(BadInput, match="Two of the files are the corpus"):
        read_beir_files({"corpus.jsonl": CORPUS, "my_corpus.jsonl": CORPUS}, "x")
