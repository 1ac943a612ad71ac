"""The search for reference cycles is off as long as anybody needs it to be, and on afterwards."""

from __future__ import annotations

import gc
import threading

import pytest

from llmopt_core.execution.collection import collection_paused


def test_it_goes_on_when_the_last_one_is_done() -> None:
    inside, go_on = threading.Event(), threading.Event()

    def other() -> None:
        with collection_paused:
            inside.set()
            go_on.wait(10)

    thread = threading.Thread(target=other)
    with collection_paused:
        assert not gc.isenabled()
        thread.start()
        assert inside.wait(10)
    assert not gc.isenabled()
    go_on.set()
    thread.join()
    assert gc.isenabled()


def test_it_goes_on_after_an_error() -> None:
    with pytest.raises(RuntimeError), collection_paused:
        raise RuntimeError
    assert gc.isenabled()


def test_who_switched_it_off_keeps_it_so() -> None:
    gc.disable()
    try:
        with collection_paused:
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()
