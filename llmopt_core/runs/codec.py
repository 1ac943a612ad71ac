"""Records and other values <-> compressed JSON."""

from __future__ import annotations

import dataclasses
import json
import zlib
from functools import cache
from typing import Any

from pydantic import TypeAdapter
from pydantic_core import PydanticSerializationError

from llmopt_core.types import Record, StageTrace


@cache
def _adapter(kind: Any) -> TypeAdapter[Any]:
    return TypeAdapter(kind)


def pack(value: Any, kind: Any = None) -> bytes:
    """Compressed JSON of a value; `kind` is its type, such as `list[Chunk]`, where it is not plain JSON."""
    return zlib.compress(_to_json(value, kind), 1)


def unpack(data: bytes, kind: Any = None) -> Any:
    """The value back, as `kind`; plain JSON values without one."""
    text = zlib.decompress(data)
    return json.loads(text) if kind is None else _adapter(kind).validate_json(text)


def _to_json(value: Any, kind: Any) -> bytes:
    if kind is None:
        return _plain_json(value)
    adapter = _adapter(kind)
    try:
        return adapter.dump_json(value)
    except (PydanticSerializationError, UnicodeEncodeError):
        # A lone surrogate (half an emoji in a cut-off model answer) has no UTF-8 form.
        return _plain_json(_whole(adapter.dump_python(value)))


def _plain_json(value: Any) -> bytes:
    try:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
    except UnicodeEncodeError:
        return json.dumps(_whole(value), ensure_ascii=False, separators=(",", ":")).encode()


def _whole(value: Any) -> Any:
    """The value with lone surrogates replaced by U+FFFD, which keeps every offset."""
    if isinstance(value, str):
        return "".join("\N{REPLACEMENT CHARACTER}" if "\ud800" <= c <= "\udfff" else c for c in value)
    if isinstance(value, dict):
        return {_whole(key): _whole(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_whole(item) for item in value]
    return value


def pack_record(record: Record) -> tuple[bytes, bytes]:
    """Body and trace, apart: most readers need no trace, and it is the larger part."""
    body = pack(dataclasses.replace(record, trace=()), Record)
    return body, _pack_trace(record.trace)


def unpack_record(body: bytes, trace: bytes | None = None) -> Record:
    """The record back; with an empty trace where none is given."""
    record: Record = unpack(body, Record)
    return record if trace is None else dataclasses.replace(record, trace=_unpack_trace(trace))


def _pack_trace(trace: tuple[StageTrace, ...]) -> bytes:
    """Each chunk once: the stages of a trace hand the same chunks on."""
    stages = _adapter(tuple[StageTrace, ...]).dump_python(trace)
    chunks: dict[Any, tuple[int, Any]] = {}
    for stage in stages:
        stage["hits"] = [[_number(chunks, hit["chunk"]), hit["score"]] for hit in stage["hits"]]
    return pack({"chunks": [chunk for _, chunk in chunks.values()], "stages": stages})


def _number(chunks: dict[Any, tuple[int, Any]], chunk: dict[str, Any]) -> int:
    key = (chunk["document"], chunk["start"], chunk["end"], chunk["text"])
    return chunks.setdefault(key, (len(chunks), chunk))[0]


def _unpack_trace(data: bytes) -> tuple[StageTrace, ...]:
    stored = unpack(data)
    for stage in stored["stages"]:
        stage["hits"] = [{"chunk": stored["chunks"][number], "score": score} for number, score in stage["hits"]]
    stages: tuple[StageTrace, ...] = _adapter(tuple[StageTrace, ...]).validate_python(stored["stages"])
    return stages
