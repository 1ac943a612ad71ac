import shutil
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from llmopt_core.cache import MemoryCache
from llmopt_core.errors import BadInput, StorageError
from llmopt_core.index import analysis, open_indexes
from llmopt_core.index.bm25 import Bm25
from llmopt_core.index.build import build_index
from llmopt_core.index.exact import best, exact_search
from llmopt_core.models.base import EmbeddingSpec
from llmopt_core.models.scripted import HashEmbedder
from llmopt_core.types import Chunk, Document, Span


@pytest.fixture
def index(chunks, spec, embedder, settings, cache):
    return build_index(chunks, spec, embedder, settings, cache)


def test_dense_search_equals_exact_search(index, embedder):
    questions = embedder.encode(["Where is Normandy in France?", "dancing honey bees"])
    for hits, exact in zip(index.search_dense(questions, 4), exact_search(index.matrix, questions, 4), strict=True):
        assert [hit.chunk for hit in hits] == [index.chunks[position] for position, _ in exact]
        assert [hit.score for hit in hits] == pytest.approx([score for _, score in exact], abs=1e-5)


def test_words_are_searched_in_both_languages(index):
    english, chinese = index.search_bm25(["the capital of France", "诺曼人的名字"], 3)
    assert english[0].chunk.text.startswith("Paris")
    assert chinese[0].chunk.text.startswith("诺曼人")


def test_more_may_be_asked_for_than_there_is(index, embedder):
    assert len(index.search_dense(embedder.encode(["bees"]), 100)[0]) == len(index.chunks)
    assert index.search_dense(embedder.encode(["bees"]), 0) == [[]]
    assert index.search_dense(embedder.encode([]), 3) == []


def test_filters_hold_for_both_searches(chunks, spec, embedder, settings, cache):
    documents = [Document("0.txt", "", {"language": "en"}), Document("1.txt", "", {"language": "mixed"})]
    index = build_index(chunks, spec, embedder, settings, cache, documents=documents)
    where = {"language": "mixed"}
    (dense,) = index.search_dense(embedder.encode(["capital of France"]), 10, where)
    (words,) = index.search_bm25(["France bees oxygen"], 10, where)
    assert [hit.chunk.document for hit in dense] == ["1.txt"] * 3
    assert {hit.chunk.document for hit in words} == {"1.txt"}
    with pytest.raises(BadInput):
        index.search_bm25(["France"], 3, {"lang": "en"})


def test_vectors_come_in_the_order_asked_for(index, embedder, chunks):
    questions = [chunks[3].id, chunks[0].id]
    assert np.allclose(index.vectors(questions), embedder.encode([chunks[3].text, chunks[0].text]), atol=1e-6)


def test_equal_scores_keep_the_order_of_positions():
    assert best(np.array([1.0, 2.0, 1.0, 1.0, -np.inf]), 3) == [(1, 2.0), (0, 1.0), (2, 1.0)]
    assert best(np.array([-np.inf, -np.inf]), 2) == []


def test_what_is_embedded_can_differ_from_what_is_handed_over(settings, cache):
    embedder = HashEmbedder()
    chunks = [Chunk("a", 0, 3, "It.", heading="Rhine > Source"), Chunk("a", 4, 8, "They", heading="")]
    index = build_index(chunks, EmbeddingSpec(model="hash", of="heading"), embedder, settings, cache)
    assert sorted(embedder.inputs) == ["Rhine > Source\nIt.", "They"]
    assert index.search_bm25(["source of the Rhine"], 1)[0][0].chunk.text == "It."
    summaries = ["rivers", "people"]
    other = build_index(chunks, EmbeddingSpec(model="hash", of="summary"), embedder, settings, cache, texts=summaries)
    assert other.search_dense(embedder.encode(["people"]), 1)[0][0].chunk.text == "They"
    with pytest.raises(BadInput, match="summary"):
        build_index(chunks, EmbeddingSpec(model="hash", of="summary"), embedder, settings, cache)
    with pytest.raises(BadInput, match="2 chunks but 1"):
        build_index(chunks, EmbeddingSpec(model="hash"), embedder, settings, cache, texts=["one"])


def test_parents_are_known_when_their_document_is(spec, embedder, settings, cache):
    document = Document("a", "First part. Second part. Third part.")
    child = Chunk("a", 12, 24, "Second part.", parent=Span("a", 0, 24))
    with_text = build_index([child], spec, embedder, settings, cache, documents=[document])
    without = build_index([child], spec, embedder, settings, cache)
    assert with_text.parent(child) == Chunk("a", 0, 24, "First part. Second part.")
    assert without.parent(child) is None


def test_an_index_is_read_back_as_it_was_written(chunks, spec, embedder, settings, cache):
    strange = Chunk("ü ß.txt", 0, 4, "a\ud800\x00🙂", heading="A > B", parent=Span("ü ß.txt", 0, 9))
    document = Document("ü ß.txt", "a\ud800\x00🙂 more", {"year": 2020, "draft": True})
    first = build_index([*chunks, strange], spec, embedder, settings, cache, documents=[document])
    open_indexes.close_all()
    second = build_index([*chunks, strange], spec, HashEmbedder(), settings, cache, documents=[document])
    assert second is not first
    assert second.chunks == first.chunks == (*chunks, strange)
    assert second.documents == {"0.txt": {}, "1.txt": {}, "ü ß.txt": {"year": 2020, "draft": True}}
    assert second.parent(strange).text == "a\ud800\x00🙂 more"


def test_the_same_content_is_opened_not_built(chunks, spec, settings, cache, embedder):
    first = build_index(chunks, spec, embedder, settings, cache)
    written = {path: path.stat().st_mtime_ns for path in (settings.home / "indexes").rglob("*.npy")}
    again = build_index(list(chunks), spec, HashEmbedder(), settings, cache)
    assert again is first
    assert {path: path.stat().st_mtime_ns for path in (settings.home / "indexes").rglob("*.npy")} == written


def test_a_second_index_embeds_only_new_texts(chunks, spec, settings, cache, embedder):
    build_index(chunks, spec, embedder, settings, cache)
    other = HashEmbedder()
    build_index([*chunks, Chunk("new", 0, 3, "new")], spec, other, settings, cache)
    assert other.inputs == ["new"]


def test_the_fingerprint_follows_content_model_and_metadata(chunks, spec, settings, cache):
    def fingerprint(chunks=chunks, spec=spec, embedder=None, **more):
        return build_index(chunks, spec, embedder or HashEmbedder(), settings, cache, **more).fingerprint

    variants = [
        fingerprint(),
        fingerprint(chunks=chunks[1:]),
        fingerprint(spec=EmbeddingSpec(model="hash", of="heading")),
        fingerprint(embedder=HashEmbedder(32)),
        fingerprint(documents=[Document("0.txt", "", {"a": 1})]),
        fingerprint(texts=["x"] * len(chunks)),
    ]
    assert len(set(variants)) == len(variants)
    assert fingerprint() == variants[0]


def test_nothing_to_index_is_said(spec, embedder, settings, cache):
    with pytest.raises(BadInput, match="no text to index"):
        build_index([], spec, embedder, settings, cache)


@pytest.mark.parametrize("file", ["manifest.json", "chunks.jsonl", "vectors.npy", "chroma/chroma.sqlite3"])
@pytest.mark.parametrize("damage", ["gone", "cut"])
def test_a_damaged_index_is_built_again(file, damage, chunks, spec, embedder, settings, cache):
    index = build_index(chunks, spec, embedder, settings, cache)
    path = settings.home / "indexes" / index.fingerprint / file
    open_indexes.close_all()
    if damage == "gone":
        path.unlink()
    else:
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    again = build_index(chunks, spec, embedder, settings, cache)
    assert again.search_dense(embedder.encode(["honey bees"]), 1)[0][0].chunk == chunks[1]


def test_a_workspace_that_cannot_be_written_is_named(chunks, spec, embedder, settings, cache):
    settings.home.parent.mkdir(exist_ok=True)
    settings.home.write_text("a file where the folder should be")
    with pytest.raises(StorageError, match="indexes"):
        build_index(chunks, spec, embedder, settings, cache)


def test_a_failing_embedder_leaves_nothing_behind(chunks, spec, settings, cache):
    class Failing(HashEmbedder):
        def encode(self, texts):
            raise RuntimeError("no")

    with pytest.raises(RuntimeError):
        build_index(chunks, spec, Failing(), settings, cache)
    assert [path for path in (settings.home / "indexes").iterdir() if path.suffix != ".lock"] == []


def test_dropped_indexes_still_serve_who_holds_them(chunks, spec, embedder, settings, cache):
    first = build_index(chunks, spec, embedder, settings, cache)
    for number in range(open_indexes.LIMIT + 1):
        build_index([Chunk("n", 0, 1, str(number))], spec, embedder, settings, cache)
    assert first.search_dense(embedder.encode(["honey bees"]), 1)[0][0].chunk == chunks[1]
    assert build_index(chunks, spec, embedder, settings, cache) is not first


def test_threads_share_one_index(chunks, spec, embedder, settings, cache):
    def work(number):
        index = build_index(chunks, spec, HashEmbedder(), settings, cache)
        chunk = chunks[number % len(chunks)]
        return index, index.search_dense(embedder.encode([chunk.text]), 1)[0][0].chunk == chunk

    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(work, range(32)))
    assert len({id(index) for index, _ in results}) == 1
    assert all(right for _, right in results)


def test_rows_of_a_table_are_found_by_its_column_names(settings, cache):
    embedder = HashEmbedder()
    chunks = [Chunk("a", 0, 4, "Boat"), Chunk("a", 9, 22, "| Ann | 12 |", heading="Fees > columns: Ship | Charge")]
    index = build_index(chunks, EmbeddingSpec(model="hash"), embedder, settings, cache)
    assert [hit.chunk for hit in index.search_bm25(["Which charge?"], 2)[0]] == [chunks[1]]
    (result,) = index.vectors([chunks[1].id])
    assert np.allclose(result, embedder.encode(["Ship | Charge\n| Ann | 12 |"])[0], atol=1e-6)


@pytest.fixture
def old_folder(settings, cache, spec, monkeypatch):
    """The folder of an index of two texts whose words were counted with other terms, as earlier versions wrote it."""
    with monkeypatch.context() as patch:
        patch.setattr(analysis, "stem", lambda word: word)
        built = build_index(BUSES, spec, HashEmbedder(), settings, cache)
    open_indexes.close_all()
    folder = settings.home / "indexes" / built.fingerprint
    (folder / f"bm25-{analysis.VERSION}").rename(folder / "bm25")
    return folder


BUSES = [Chunk("a", 0, 20, "The buses were freed."), Chunk("b", 0, 9, "Honey bee")]


def test_words_of_former_terms_are_counted_anew_once_and_no_vector_is_made(old_folder, settings, cache, spec):
    vectors = (old_folder / "vectors.npy").stat()
    embedder = HashEmbedder()
    for _ in range(2):
        index = build_index(BUSES, spec, embedder, settings, MemoryCache())
        assert [hit.chunk for hit in index.search_bm25(["a free bus"], 2)[0]] == [BUSES[0]]
        open_indexes.close_all()
    assert embedder.inputs == []
    assert (old_folder / "vectors.npy").stat() == vectors
    documents = Bm25.load(old_folder / f"bm25-{analysis.VERSION}")
    assert documents.search("free bus", 2) == Bm25.of([chunk.text for chunk in BUSES]).search("free bus", 2) != []
    assert not list(old_folder.glob(".words-*"))


def test_a_search_by_meaning_counts_no_words_anew(old_folder, settings, cache, spec):
    embedder = HashEmbedder()
    index = build_index(BUSES, spec, embedder, settings, cache)
    assert index.search_dense(embedder.encode(["Honey bee"]), 1)[0][0].chunk == BUSES[1]
    assert not (old_folder / f"bm25-{analysis.VERSION}").exists()


def test_former_terms_are_not_searched_where_the_new_cannot_be_kept(old_folder, settings, cache, spec, monkeypatch):
    def refuse(*args, **kwargs):
        raise OSError("read-only")

    monkeypatch.setattr("tempfile.mkdtemp", refuse)
    index = build_index(BUSES, spec, HashEmbedder(), settings, cache)
    assert [hit.chunk for hit in index.search_bm25(["free bus"], 2)[0]] == [BUSES[0]]


def test_an_index_without_words_is_damaged_and_built_again(chunks, spec, embedder, settings, cache):
    index = build_index(chunks, spec, embedder, settings, cache)
    open_indexes.close_all()
    shutil.rmtree(settings.home / "indexes" / index.fingerprint / f"bm25-{analysis.VERSION}")
    again = build_index(chunks, spec, embedder, settings, cache)
    assert again.search_bm25(["honey bees"], 1)[0][0].chunk == chunks[1]
