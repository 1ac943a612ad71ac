from typing import Any

import pytest

from llmopt_core.runs import codec
from llmopt_core.runs.codec import pack, pack_trace, unpack, unpack_trace
from llmopt_core.types import Chunk, Hit, StageTrace, Usage


@pytest.mark.parametrize("value", [None, 0, "x", "x" * 5000, [1.5, "é\0"], {"a": {"b": ["c"] * 900}}, "", [], {}])
def test_short_and_long_values_come_back(value: Any) -> None:
    assert unpack(pack(value)) == value


def test_long_values_are_compressed_and_short_ones_are_left_alone() -> None:
    assert pack("ab") == b'"ab"'
    assert len(pack("ab" * 5000)) < 200


def test_bytes_are_unpacked_up_to_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    data = pack("a" * 5000)
    monkeypatch.setattr(codec, "_LARGEST", 5002)
    assert unpack(data) == "a" * 5000
    with pytest.raises(codec.Unreadable, match="damaged bytes"):
        unpack(data[:-4])
    monkeypatch.setattr(codec, "_LARGEST", 5001)
    with pytest.raises(codec.Unreadable, match="it would unpack to more than"):
        unpack(data)


def test_half_an_emoji_keeps_its_place() -> None:
    assert unpack(pack({"\ud83d": ["a\udc00b"]})) == {"\ufffd": ["a\ufffdb"]}


def test_a_trace_holds_each_chunk_once() -> None:
    hits = tuple(Hit(Chunk("a.txt", i, i + 900, chr(97 + i) * 900), 1.0 - i / 10) for i in range(8))
    trace = tuple(StageTrace("search", str(i), ("q",), hits[::-1], 8, 0.1, Usage(1, 2, 0.5, 1)) for i in range(6))
    data = pack_trace(trace, hits[:2])
    assert unpack_trace(data) == (trace, hits[:2])
    assert len(unpack(data)["chunks"]) == 8
    assert unpack_trace(pack_trace(())) == ((), ())
