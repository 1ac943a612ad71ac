"""A LoRA adapter as a small GGUF file that llama.cpp applies beside the base model.

Tensor names and the scale (alpha / rank) are those of llama.cpp's `convert_lora_to_gguf.py`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

Matrix = npt.NDArray[np.float32]

_NAMES = {
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
}
TARGETS = {"all": tuple(n.split(".")[1] for n in _NAMES), "attention": ("q_proj", "k_proj", "v_proj", "o_proj")}
# Such as `base_model.model.model.layers.3.self_attn.q_proj.lora_A.weight`, with or without the adapter's name behind
# the letter.
_KEY = re.compile(r"layers\.(\d+)\.(self_attn|mlp)\.(\w+)\.lora_([AB])\.")


def permute_rows(matrix: Matrix, heads: int) -> Matrix:
    """Reorder the output rows of a query or key matrix.

    transformers rotates the two halves of a head, llama.cpp neighbouring pairs, so GGUF files hold these rows
    interleaved.
    """
    # (heads, half, rows of a half) becomes (heads, rows of a half, half).
    halves = matrix.reshape(heads, 2, matrix.shape[0] // heads // 2, *matrix.shape[1:])
    return np.ascontiguousarray(halves.swapaxes(1, 2)).reshape(matrix.shape)


def gguf_tensors(weights: Mapping[str, Any], heads: int, key_value_heads: int) -> dict[str, Matrix]:
    """Adapter tensors by their GGUF names.

    Args:
        weights: peft's state of the adapter: parameter name -> tensor.
        heads: Attention heads of the base model.
        key_value_heads: Heads of its keys and values.
    """
    matrices: dict[str, Matrix] = {}
    for name, tensor in weights.items():
        # A dot is added because some versions of peft end the name at the letter.
        match = _KEY.search(name + ".")
        if match is None:
            raise ValueError(f"{name} is not a LoRA weight of a llama model")
        layer, block, module, side = match.groups()
        matrix: Matrix = np.ascontiguousarray(tensor.detach().float().cpu().numpy(), dtype=np.float32)
        # Only B has the rows of the output, and only queries and keys are rotated.
        if side == "B" and module in ("q_proj", "k_proj"):
            matrix = permute_rows(matrix, heads if module == "q_proj" else key_value_heads)
        matrices[f"blk.{layer}.{_NAMES[f'{block}.{module}']}.weight.lora_{side.lower()}"] = matrix
    return matrices


def write_adapter(path: Path, tensors: Mapping[str, Matrix], alpha: float, name: str = "") -> None:
    """Write a LoRA adapter in single precision."""
    from gguf import GGUFWriter

    writer = GGUFWriter(path, "llama")
    writer.add_string("general.type", "adapter")
    writer.add_string("general.name", name)
    writer.add_string("adapter.type", "lora")
    writer.add_float32("adapter.lora.alpha", float(alpha))
    # Sorted, so that equal weights make an equal file.
    for key in sorted(tensors):
        writer.add_tensor(key, tensors[key])
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
