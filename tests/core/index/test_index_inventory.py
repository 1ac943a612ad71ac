from llmopt_core.index.build import build_index
from llmopt_core.index.index_inventory import delete_index, list_indexes
from llmopt_core.models.scripted import HashEmbedder
from llmopt_core.types import Chunk


def test_indexes_are_listed_and_deleted(chunks, spec, embedder, settings, cache):
    assert list_indexes(settings) == []
    index = build_index(chunks, spec, embedder, settings, cache)
    build_index([Chunk("c.txt", 0, 3, "one")], spec, embedder, settings, cache)
    values = {stored.name: stored for stored in list_indexes(settings)}
    stored = values[index.fingerprint]
    assert len(values) == 2
    assert (stored.chunks, stored.embedder) == (len(chunks), embedder.name)
    assert stored.documents == {"0.txt", "1.txt"}
    assert stored.size > 10_000
    assert delete_index(settings, index.fingerprint)
    assert not delete_index(settings, index.fingerprint)
    assert [stored.documents for stored in list_indexes(settings)] == [{"c.txt"}]


def test_a_deleted_index_is_built_again_without_embedding(chunks, spec, embedder, settings, cache):
    index = build_index(chunks, spec, embedder, settings, cache)
    delete_index(settings, index.fingerprint)
    again = HashEmbedder()
    rebuilt = build_index(chunks, spec, again, settings, cache)
    assert again.inputs == []
    assert rebuilt.search_dense(embedder.encode(["honey bees"]), 1)[0][0].chunk == chunks[1]


def test_names_that_leave_the_folder_and_damaged_indexes_are_passed_over(chunks, spec, embedder, settings, cache):
    index = build_index(chunks, spec, embedder, settings, cache)
    assert not delete_index(settings, f"../indexes/{index.fingerprint}")
    assert not delete_index(settings, "..")
    (settings.home / "indexes" / index.fingerprint / "manifest.json").write_text("{")
    assert list_indexes(settings) == []
