import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from llmopt_core.errors import BadInput
from llmopt_core.runs.store import Store
from llmopt_core.runs.store_labs import Vote


def test_versions_are_numbered_and_the_same_content_adds_none(store: Store) -> None:
    store.create_project("demo")
    first = store.save_version("demo", "prompt", "answer", {"template": "a"}, "start")
    again = store.save_version("demo", "prompt", "answer", {"template": "a"}, "nothing new")
    second = store.save_version("demo", "prompt", "answer", {"template": "b"}, "shorter")
    assert (first.number, again.number, second.number) == (1, 1, 2)
    assert [v.note for v in store.versions("demo", "prompt", "answer")] == ["start", "shorter"]
    assert store.version("demo", "prompt", "answer").body == {"template": "b"}


def test_restoring_an_old_version_makes_a_new_one(store: Store) -> None:
    store.create_project("demo")
    for template in "aba":
        store.save_version("demo", "prompt", "answer", {"template": template})
    assert [v.body["template"] for v in store.versions("demo", "prompt", "answer")] == ["a", "b", "a"]


def test_a_label_points_to_one_version_at_a_time(store: Store) -> None:
    store.create_project("demo")
    for template in "ab":
        store.save_version("demo", "prompt", "answer", template)
    store.set_label("demo", "prompt", "answer", "production", 1)
    assert store.version("demo", "prompt", "answer", "production").body == "a"
    store.set_label("demo", "prompt", "answer", "production", 2)
    assert [v.labels for v in store.versions("demo", "prompt", "answer")] == [(), ("production",)]
    store.remove_label("demo", "prompt", "answer", "production")
    with pytest.raises(BadInput, match="production"):
        store.version("demo", "prompt", "answer", "production")
    with pytest.raises(BadInput, match="version 9"):
        store.set_label("demo", "prompt", "answer", "production", 9)


def test_kinds_and_projects_do_not_mix(store: Store) -> None:
    store.create_project("demo")
    store.create_project("other")
    store.save_version("demo", "prompt", "answer", "a")
    assert store.versions("demo", "few-shot", "answer") == []
    assert store.versions("other", "prompt") == []
    assert len(store.versions("demo", "prompt")) == 1


def test_a_draft_is_kept_until_it_is_deleted(store: Store) -> None:
    store.create_project("demo")
    assert store.draft("demo", "prompt", "answer") is None
    store.save_draft("demo", "prompt", "answer", {"template": "half a sen"})
    store.save_draft("demo", "prompt", "answer", {"template": "half a sentence"})
    assert Store(store.database.engine.url.render_as_string(), store.home).draft("demo", "prompt", "answer") == {
        "template": "half a sentence"
    }
    store.delete_draft("demo", "prompt", "answer")
    assert store.draft("demo", "prompt", "answer") is None


def test_a_voter_has_one_vote_per_pair(store: Store) -> None:
    store.create_project("demo")
    store.save_vote("demo", Vote("c1", "ann", "q1", "a", "b", "first"))
    store.save_vote("demo", Vote("c1", "ann", "q1", "a", "b", "tie"))
    store.save_vote("demo", Vote("c1", "bob", "q1", "a", "b", "second"))
    assert [(v.voter, v.choice) for v in store.votes("demo", "c1")] == [("ann", "tie"), ("bob", "second")]


def test_of_two_who_change_a_draft_at_once_neither_undoes_the_other(store: Store) -> None:
    store.ensure_project("p")
    first_reads, second_comes = threading.Event(), threading.Event()

    def first(before: list[str] | None) -> list[str]:
        first_reads.set()
        # The other one is held back meanwhile, so this is not ended by it.
        second_comes.wait(0.5)
        return [*(before or []), "first"]

    def second(before: list[str] | None) -> list[str]:
        second_comes.set()
        return [*(before or []), "second"]

    with ThreadPoolExecutor(2) as threads:
        rows = [threads.submit(store.change_draft, "p", "notes", "", first)]
        assert first_reads.wait(30)
        rows.append(threads.submit(store.change_draft, "p", "notes", "", second))
        for one in rows:
            one.result(30)
    assert store.draft("p", "notes", "") == ["first", "second"]
