from llmopt_core.runs.store import Store


def test_values_come_back_by_stage_and_key(store: Store) -> None:
    store.cache.put_many("answer", {"a": b"1", "b": b"\0\xff"})
    store.cache.put_many("score", {"a": b"2"})
    assert store.cache.get_many("answer", ["a", "b", "c", "a"]) == {"a": b"1", "b": b"\0\xff"}
    assert store.cache.get_many("score", ["a"]) == {"a": b"2"}
    assert store.cache.get_many("nothing", ["a"]) == {}


def test_a_value_is_never_changed(store: Store) -> None:
    store.cache.put_many("answer", {"a": b"first"})
    store.cache.put_many("answer", {"a": b"second"})
    assert store.cache.get_many("answer", ["a"]) == {"a": b"first"}


def test_many_keys_at_once(store: Store) -> None:
    values = {f"key-{i}": str(i).encode() for i in range(2500)}
    store.cache.put_many("vectors", values)
    store.cache.put_many("vectors", {})
    assert store.cache.get_many("vectors", iter(values)) == values


def test_it_outlives_the_process_and_can_be_cleared(store: Store) -> None:
    store.cache.put_many("a", {"k": b"12"})
    store.cache.put_many("b", {"k": b"345"})
    again = Store(str(store.database.engine.url), store.home)
    assert again.cache.sizes() == {"a": (1, 2), "b": (1, 3)}
    again.cache.clear("a")
    assert store.cache.sizes() == {"b": (1, 3)}
    again.cache.replace_many("spent", {"work/1": b"{}"})
    again.cache.clear()
    assert store.cache.sizes() == {"spent": (1, 2)}, "money that was spent stays spent"
