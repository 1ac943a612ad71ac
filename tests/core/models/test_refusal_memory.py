"""What was learnt of an endpoint holds for a week, in a process that runs for longer too, and in many threads."""

import json
import threading
from pathlib import Path

import pytest

from llmopt_core.models.openai import refusals
from llmopt_core.models.openai.refusals import Refusals

PLACE = ("http://x/v1", "m", "chat")
DAY = 24 * 3600.0


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [1_000_000.0]
    monkeypatch.setattr(refusals.time, "time", lambda: now[0])
    return now


@pytest.mark.parametrize("kept", [True, False])
def test_what_was_learnt_is_tried_again_after_a_week(clock: list[float], tmp_path: Path, kept: bool) -> None:
    memory = Refusals(tmp_path / "known.json" if kept else None)
    memory.learn(PLACE, ["logprobs"], is_taken=False)
    memory.learn(PLACE, ["top_logprobs"], is_taken=True)
    clock[0] += 6 * DAY
    assert memory.list_parameters(PLACE) == {"logprobs"}
    assert memory.is_taken(PLACE, "top_logprobs")
    clock[0] += 2 * DAY
    assert memory.list_parameters(PLACE) == frozenset()
    assert not memory.is_taken(PLACE, "top_logprobs")
    assert memory.on_trial(PLACE, ["logprobs"]) == {"logprobs"}
    memory.learn(PLACE, ["logprobs"], is_taken=False)
    assert memory.list_parameters(PLACE) == {"logprobs"}
    if kept:
        (entry,) = [one for one in json.loads((tmp_path / "known.json").read_text()) if one["parameter"] == "logprobs"]
        assert entry["at"] == clock[0]


def test_threads_may_learn_while_others_read() -> None:
    memory = Refusals()
    faults: list[Exception] = []
    event = threading.Event()

    def read() -> None:
        try:
            while not event.is_set():
                memory.list_parameters(PLACE)
                memory.on_trial(PLACE, ["logprobs"])
        except RuntimeError as error:
            faults.append(error)

    readers = [threading.Thread(target=read) for _ in range(3)]
    for reader in readers:
        reader.start()
    for number in range(3000):
        memory.learn(PLACE, [f"p{number}"], is_taken=False)
    event.set()
    for reader in readers:
        reader.join()
    assert faults == []
    assert len(memory.list_parameters(PLACE)) == 3000
