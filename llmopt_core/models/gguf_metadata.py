"""The header of a GGUF file (key-value pairs), read without touching its tensors.

Format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md, versions 2 and 3, little-endian.
"""

from __future__ import annotations

import mmap
import struct
from pathlib import Path
from typing import Any

from llmopt_core.errors import BadInput

# GGUF's number of a type -> the letter of `struct` for it.
_SCALARS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
_STRING, _ARRAY = 8, 9
# Real files have some dozens; a damaged count would otherwise be read to the end of the file.
_MAX_FIELDS = 100_000


def read_metadata(path: Path) -> dict[str, Any]:
    """All key-value pairs of a GGUF file.

    Raises:
        BadInput: The file is missing, unreadable or not a GGUF file.
    """
    try:
        # Mapped, as the header may be followed by gigabytes that nobody here wants in memory.
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            return _Reader(data).fields()
    except OSError as error:
        raise BadInput(f"{path}: the model file cannot be read ({error.strerror or error}); check the path.") from error
    # An empty file (mmap refuses it), one that ends early (struct.error), and a type of value that is unknown
    # (KeyError).
    except (ValueError, struct.error, KeyError, IndexError, UnicodeDecodeError) as error:
        raise BadInput(f"{path}: this is not a whole GGUF model file; download it again or name another.") from error


class _Reader:
    def __init__(self, data: mmap.mmap) -> None:
        self._data = data
        self._at = 0

    def fields(self) -> dict[str, Any]:
        if self._data[:4] != b"GGUF":
            raise ValueError("no GGUF magic")
        self._at = 4
        # Version 1 had lengths of 32 bits and would be misread.
        version, _tensors, count = self._unpack("IQQ")
        if version not in (2, 3) or count > _MAX_FIELDS:
            raise ValueError("unknown version")
        return {self._string(): self._value(self._unpack("I")[0]) for _ in range(count)}

    def _unpack(self, form: str) -> tuple[Any, ...]:
        values = struct.unpack_from("<" + form, self._data, self._at)
        self._at += struct.calcsize("<" + form)
        return values

    def _string(self) -> str:
        (length,) = self._unpack("Q")
        raw = self._data[self._at : self._at + length]
        # A slice of a map is cut silently at its end.
        if len(raw) != length:
            raise ValueError("the file ends inside its header")
        self._at += length
        # Vocabularies hold tokens that are parts of a character.
        return raw.decode("utf-8", "replace")

    def _value(self, kind: int) -> Any:
        if kind == _STRING:
            return self._string()
        if kind == _ARRAY:
            inner, length = self._unpack("IQ")
            if inner in _SCALARS:
                # In one call: a vocabulary's scores are tens of thousands of numbers.
                return list(self._unpack(f"{length}{_SCALARS[inner]}"))
            return [self._value(inner) for _ in range(length)]
        return self._unpack(_SCALARS[kind])[0]
