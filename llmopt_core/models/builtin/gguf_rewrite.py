"""The same weights in another encoding: GGUF file -> GGUF file. Also a program, so that it can run beside the app."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

# llama.cpp's numbers for "general.file_type".
FILE_TYPES = {"F32": 0, "F16": 1, "Q8_0": 7}


def rewrite(source: Path, target: Path, encoding: str, replace: Mapping[str, Any] | None = None) -> None:
    """Write `source` again with every matrix in another encoding; vectors stay 32-bit floats.

    Args:
        source: A llama-architecture GGUF.
        target: Written in place; rename it yourself when it must appear whole.
        encoding: One of `FILE_TYPES`.
        replace: Other weights by tensor name, in numpy's row-major shape (a merged adapter, for example).
    """
    from gguf import GGMLQuantizationType, GGUFReader, GGUFWriter
    from gguf.quants import dequantize

    reader, quantization = GGUFReader(source), GGMLQuantizationType[encoding]
    # The writer sets the architecture itself, so it is left out below.
    writer = GGUFWriter(target, reader.get_field("general.architecture").contents())
    _copy_fields(reader, writer)
    writer.add_file_type(FILE_TYPES[encoding])
    for tensor in reader.tensors:
        values = (replace or {}).get(tensor.name)
        if values is None:
            values = dequantize(tensor.data, tensor.tensor_type)
        # The reader gives ggml's order of dimensions, numpy wants the reverse.
        shape = [int(n) for n in reversed(tensor.shape)]
        _add(writer, tensor.name, np.ascontiguousarray(values, np.float32).reshape(shape), quantization)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _copy_fields(reader: Any, writer: Any) -> None:
    from gguf import GGUFValueType

    for field in reader.fields.values():
        # What the reader makes up from the head of the file, and what is written anew.
        if field.name.startswith("GGUF.") or field.name in ("general.architecture", "general.file_type"):
            continue
        # Of nested arrays the innermost type counts.
        inner = field.types[-1] if field.types[0] == GGUFValueType.ARRAY else None
        writer.add_key_value(field.name, field.contents(), field.types[0], inner)


def _add(writer: Any, name: str, values: np.ndarray, kind: Any) -> None:
    from gguf.quants import quantize

    # Norms are small and sensitive; llama.cpp expects them as 32-bit floats.
    if values.ndim == 1 or kind.name == "F32":
        writer.add_tensor(name, values)
    elif kind.name == "F16":
        writer.add_tensor(name, values.astype(np.float16))
    else:
        writer.add_tensor(name, quantize(values, kind), raw_dtype=kind)


if __name__ == "__main__":
    rewrite(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3])
