"""Records and other values <-> JSON, compressed where it is long."""

from __future__ import annotations

import dataclasses
import json
import zlib
from collections.abc import Sequence
from functools import cache
from typing import Any

from pydantic import TypeAdapter, ValidationError
from pydantic_core import PydanticSerializationError

from llmopt_core.errors import StorageError
from llmopt_core.text.valid_text import without_surrogates
from llmopt_core.types import Chunk, Hit, Record, StageTrace

# In bytes. A larger limit keeps more values plain and the file larger, a smaller one spends time on what hardly
# shrinks.
_SHORT = 1000
# In bytes, when it is unpacked. Far more than any stored value has; a body that came with a project file may be made to
# unpack to a thousand times its size.
_LARGEST = 512 * 2**20


# To build an adapter takes far longer than to read one value with it.
@cache
def _adapter(kind: Any) -> TypeAdapter[Any]:
    return TypeAdapter(kind)


def pack(value: Any, kind: Any = None) -> bytes:
    """JSON of a value, compressed where that pays; `kind` is its type, such as `list[Chunk]`, if it is not plain."""
    text = _to_json(value, kind)
    # Level 1, the quickest: every record is compressed while answers come in.
    return text if len(text) < _SHORT else zlib.compress(text, 1)


class Unreadable(StorageError):
    """Stored bytes that are no value, or not of the kind that was expected: damaged, or of another version."""


def unpack(data: bytes, kind: Any = None, *, mend: bool = False) -> Any:
    """The value back, as `kind`; plain JSON values without one.

    Args:
        data: What `pack` gave.
        kind: As it was given to `pack`.
        mend: Whether a field of a wrong type costs only that field, where its kind has a default for it. What can be
            made anew, as all that is cached, is rather made anew.

    Raises:
        Unreadable: The bytes are damaged, or hold what is not of that kind.
    """
    try:
        # No JSON text begins with an x, every compressed one does.
        text = _decompress(data) if data[:1] == b"x" else data
        return json.loads(text) if kind is None else _validate(text, _adapter(kind), mend=mend)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        if first["type"] == "json_invalid":
            raise Unreadable("damaged JSON") from error
        where = ".".join(map(str, first["loc"]))
        raise Unreadable(f"{where}: {first['msg']}" if where else first["msg"]) from error
    # Damaged or foreign JSON may be nested deeper than the parser goes, which ends in a RecursionError.
    except (zlib.error, ValueError, TypeError, RecursionError) as error:
        raise Unreadable(_reason(error)) from error


def _decompress(data: bytes) -> bytes:
    unpacker = zlib.decompressobj()
    # One byte more than is taken, which shows that there are more.
    text = unpacker.decompress(data, _LARGEST + 1)
    if len(text) > _LARGEST:
        raise Unreadable(f"it would unpack to more than {_LARGEST // 2**20} MB")
    if not unpacker.eof:
        raise Unreadable("damaged bytes")
    return text


def plain_facts(data: bytes) -> dict[str, Any]:
    """A mapping of plain values; an empty one where that cannot be read."""
    try:
        facts = unpack(data)
    except Unreadable:
        return {}
    return facts if isinstance(facts, dict) else {}


def _validate(text: bytes, adapter: TypeAdapter[Any], *, mend: bool) -> Any:
    try:
        return adapter.validate_json(text)
    except ValidationError as error:
        if not mend:
            raise
        values = json.loads(text)
        # A list, so that all are found before the first goes: without an outer field there is no way to one inside it.
        for parent, key in [_field(values, part["loc"]) for part in error.errors(include_url=False)]:
            parent.pop(key, None)
            if key == "hits":
                # They are positions among the hits.
                parent.pop("citations", None)
        try:
            return adapter.validate_json(json.dumps(values))
        except ValidationError:
            # What was wrong with the stored value says more than what is wrong with the rest of it.
            raise error from None


def _field(values: Any, place: Sequence[int | str]) -> tuple[dict[str, Any], str]:
    """The innermost field of an object on the way to a place, and that object. A place may name types at its end."""
    innermost_field: tuple[dict[str, Any], str] = ({}, "")
    for part in place:
        if isinstance(values, dict) and part in values:
            innermost_field = values, str(part)
        elif not (isinstance(values, list) and isinstance(part, int) and part < len(values)):
            break
        values = values[part]
    return innermost_field


def _reason(error: Exception) -> str:
    return {json.JSONDecodeError: "damaged JSON", zlib.error: "damaged bytes"}.get(type(error), type(error).__name__)


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
        # Escapes such as \u4f60 would take twice the bytes of a Chinese text.
        return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
    except UnicodeEncodeError:
        return json.dumps(_whole(value), ensure_ascii=False, separators=(",", ":")).encode()


def _whole(value: Any) -> Any:
    """The value with lone surrogates replaced by U+FFFD, which keeps every offset."""
    if isinstance(value, str):
        return without_surrogates(value)
    if isinstance(value, dict):
        return {_whole(key): _whole(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_whole(item) for item in value]
    return value


def pack_record(record: Record) -> tuple[bytes, bytes]:
    """Body and trace, apart: most readers need no trace, and it is the larger part."""
    body = pack(dataclasses.replace(record, trace=()), Record)
    return body, pack_trace(record.trace)


def unpack_record(body: bytes, trace: bytes | None = None) -> Record:
    """The record back; with an empty trace where none is given, or it cannot be read."""
    record: Record = unpack(body, Record, mend=True)
    # Lists and scores need no trace, so it was not even read.
    if trace is None:
        return record
    try:
        return dataclasses.replace(record, trace=unpack_trace(trace)[0])
    except Unreadable:
        return record


def pack_trace(trace: Sequence[StageTrace], hits: Sequence[Hit] = ()) -> bytes:
    """A trace and the hits it led to. Each chunk is kept once: the stages hand the same chunks on."""
    chunks: dict[Any, tuple[int, Any]] = {}
    stages = _adapter(tuple[StageTrace, ...]).dump_python(tuple(trace))
    for stage in stages:
        stage["hits"] = _number_hits(chunks, stage["hits"])
    numbered_hits = _number_hits(chunks, _adapter(tuple[Hit, ...]).dump_python(tuple(hits)))
    return pack({"chunks": [chunk for _, chunk in chunks.values()], "stages": stages, "hits": numbered_hits})


def unpack_trace(data: bytes) -> tuple[tuple[StageTrace, ...], tuple[Hit, ...]]:
    """The trace and its hits back.

    Raises:
        Unreadable: It is damaged.
    """
    fields = unpack(data)
    try:
        chunks = _adapter(list[Chunk]).validate_python(fields["chunks"])
        for stage in fields["stages"]:
            stage["hits"] = _hits(chunks, stage["hits"])
        return _adapter(tuple[StageTrace, ...]).validate_python(fields["stages"]), _hits(chunks, fields["hits"])
    except (ValueError, TypeError, LookupError) as error:
        raise Unreadable("damaged trace") from error


def _number_hits(chunks: dict[Any, tuple[int, Any]], hits: Sequence[dict[str, Any]]) -> list[list[Any]]:
    return [[_number(chunks, hit["chunk"]), hit["score"]] for hit in hits]


def _number(chunks: dict[Any, tuple[int, Any]], chunk: dict[str, Any]) -> int:
    # A dictionary cannot be a key; these four say which chunk it is.
    key = (chunk["document"], chunk["start"], chunk["end"], chunk["text"])
    return chunks.setdefault(key, (len(chunks), chunk))[0]


def _hits(chunks: Sequence[Chunk], numbers: Sequence[Sequence[Any]]) -> tuple[Hit, ...]:
    return tuple(Hit(chunks[number], score) for number, score in numbers)
