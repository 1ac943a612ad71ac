"""Local work goes on in as many lanes as there are threads."""

import asyncio
import threading

import numpy as np
import pytest

from llmopt_core.execution.lanes import LANES, Lanes
from llmopt_core.models.base import BUILTIN_EMBEDDING
from llmopt_core.models.local.embedding import local_embedder
from llmopt_core.models.registry import Models
from llmopt_core.settings import Settings

WAIT = 20


def _together(work, count):
    threads = [threading.Thread(target=work) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(WAIT)
    assert not any(thread.is_alive() for thread in threads)


@pytest.mark.parametrize("size", [1, 2, 3])
def test_so_many_work_at_once_and_no_more(size):
    lanes, lock = Lanes(size), threading.Lock()
    inside, most = 0, 0
    # Each group meets inside before any leaves: so as many as there are lanes get in.
    meeting = threading.Barrier(size)

    def work():
        nonlocal inside, most
        with lanes.one():
            with lock:
                inside += 1
                most = max(most, inside)
            meeting.wait(WAIT)
            with lock:
                inside -= 1

    _together(work, size * 4)
    assert most == size


def test_whoever_holds_all_lanes_is_alone_and_is_not_kept_out_by_small_work():
    lanes, order = Lanes(2), []
    holding, go = threading.Event(), threading.Event()

    def hold():
        with lanes.one():
            holding.set()
            go.wait(WAIT)
            order.append("held")

    def want(name, lane):
        with lane():
            order.append(name)

    first = threading.Thread(target=hold)
    first.start()
    assert holding.wait(WAIT)
    big = threading.Thread(target=want, args=("all", lanes.all))
    big.start()
    while not lanes._waiting:
        pass
    small = threading.Thread(target=want, args=("one", lanes.one))
    small.start()
    while len(lanes._waiting) < 2:
        pass
    go.set()
    for thread in (first, big, small):
        thread.join(WAIT)
    assert order == ["held", "all", "one"]


def test_a_thread_does_not_wait_for_itself_and_an_error_frees_its_lane():
    lanes = Lanes(1)
    with lanes.one(), lanes.all(), lanes.one():
        pass
    with pytest.raises(ValueError, match="wrong"), lanes.all():
        raise ValueError("wrong")
    _together(lanes.one().__enter__, 1)


def test_models_give_the_lanes_that_settings_allow(tmp_path):
    before = LANES.size
    try:
        Models(Settings(home=tmp_path, threads=3), None, {})
        assert LANES.size == 3
    finally:
        LANES.resize(before)


async def test_vectors_are_the_same_bits_however_many_questions_are_asked_at_once():
    questions = [f"Who led the expedition number {number}, and in which year?" for number in range(16)]
    before = LANES.size
    try:
        matches = []
        for threads in (1, 4):
            LANES.resize(threads)
            embedder = local_embedder(BUILTIN_EMBEDDING, threads)
            rows = await asyncio.gather(*(asyncio.to_thread(embedder.encode, [question]) for question in questions))
            matches.append(np.concatenate(rows))
        assert np.array_equal(*matches)
        own = embedder._model.encode(questions[:1], normalize_embeddings=True, show_progress_bar=False)
        assert np.allclose(own, matches[0][:1], atol=1e-6)
    finally:
        LANES.resize(before)
