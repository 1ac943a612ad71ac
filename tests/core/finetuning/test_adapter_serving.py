"""An adapter file, served by llama.cpp beside its base, says what peft says; on a model of random weights."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from llmopt_core.errors import BadInput
from llmopt_core.finetuning.jobs.folder import JobFolder
from llmopt_core.finetuning.training.adapters import adapters_root
from llmopt_core.finetuning.training.base_weights import load_trainable, trainable_folder
from llmopt_core.finetuning.training.checkpoints import Checkpoints
from llmopt_core.finetuning.training.encoding import EncodedExample
from llmopt_core.finetuning.training.hyperparameters import LoraSettings
from llmopt_core.finetuning.training.lora_gguf import gguf_tensors, permute_rows, write_adapter
from llmopt_core.finetuning.training.lora_run import LoraRun
from llmopt_core.models.base import ChatRequest, ModelSpec
from llmopt_core.models.registry import Models, close_builtin
from llmopt_core.models.weight_packages import chat_gguf
from llmopt_core.settings import Settings
from llmopt_core.types import Message

HIDDEN, HEADS, KEY_VALUE_HEADS, LAYERS, INNER, VOCABULARY = 64, 4, 2, 2, 96, 49152
PROMPT = "The quick brown fox jumps over"


def make_tiny_gguf(path: Path) -> Path:
    """A small random model with the built-in model's own tokenizer."""
    from gguf import GGUFReader, GGUFValueType, GGUFWriter

    writer = GGUFWriter(path, "llama")
    for field in GGUFReader(chat_gguf()).fields.values():
        if field.name.startswith("tokenizer."):
            inner = field.types[-1] if field.types[0] == GGUFValueType.ARRAY else None
            writer.add_key_value(field.name, field.contents(), field.types[0], inner)
    writer.add_block_count(LAYERS)
    writer.add_context_length(512)
    writer.add_embedding_length(HIDDEN)
    writer.add_feed_forward_length(INNER)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(KEY_VALUE_HEADS)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_dimension_count(HIDDEN // HEADS)
    writer.add_rope_freq_base(10_000.0)
    writer.add_vocab_size(VOCABULARY)
    writer.add_file_type(1)
    for name, values in random_weights():
        writer.add_tensor(name, values)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def random_weights() -> list[tuple[str, Any]]:
    rng = np.random.default_rng(0)

    def matrix(rows: int, columns: int) -> Any:
        return (rng.standard_normal((rows, columns)) / math.sqrt(columns)).astype(np.float16)

    small = HIDDEN * KEY_VALUE_HEADS // HEADS
    tensors = [("token_embd.weight", matrix(VOCABULARY, HIDDEN)), ("output_norm.weight", np.ones(HIDDEN, np.float32))]
    for layer in range(LAYERS):
        block = {
            "attn_q": matrix(HIDDEN, HIDDEN), "attn_k": matrix(small, HIDDEN), "attn_v": matrix(small, HIDDEN),
            "attn_output": matrix(HIDDEN, HIDDEN), "ffn_gate": matrix(INNER, HIDDEN), "ffn_up": matrix(INNER, HIDDEN),
            "ffn_down": matrix(HIDDEN, INNER), "attn_norm": np.ones(HIDDEN, np.float32),
            "ffn_norm": np.ones(HIDDEN, np.float32),
        }  # fmt: skip
        tensors += [(f"blk.{layer}.{name}.weight", values) for name, values in block.items()]
    return tensors


def peft_logprobs(run: LoraRun, tokenizer: Any) -> dict[str, float]:
    import torch

    with torch.no_grad():
        ids = tokenizer(PROMPT, return_tensors="pt", add_special_tokens=False).input_ids
        logprobs = run.model(input_ids=ids).logits[0, -1].log_softmax(-1)
    best = logprobs.topk(5)
    return {tokenizer.decode([int(i)]): float(v) for v, i in zip(best.values, best.indices, strict=True)}


async def served_logprobs(settings: Settings, adapter: str) -> dict[str, float]:
    spec = ModelSpec(adapter=adapter, mode="completion", max_tokens=1)
    async with Models(settings) as models:
        reply = await models.chat(spec).complete(ChatRequest((Message("user", PROMPT),), spec, top_logprobs=5))
    return dict(reply.logprobs[0])


async def test_a_served_adapter_says_what_peft_says(tmp_path: Path) -> None:
    import torch

    settings = Settings(home=tmp_path / "home", builtin_gguf=make_tiny_gguf(tmp_path / "tiny.gguf"), threads=1)
    folder = trainable_folder(settings)
    assert trainable_folder(settings) == folder
    model, tokenizer = load_trainable(folder)
    checkpoints = Checkpoints(JobFolder(tmp_path / "job"))
    run = LoraRun(model, LoraSettings(rank=4), [EncodedExample(0, (1, 2, 3), (-100, 2, 3))], [], checkpoints)
    run.model.eval()
    plain = peft_logprobs(run, tokenizer)
    with torch.no_grad():
        torch.manual_seed(1)
        for name, weight in run.current().items():
            if "lora_B" in name:
                weight.copy_(torch.randn_like(weight) * 0.3)
    tuned = peft_logprobs(run, tokenizer)
    assert tuned.keys() != plain.keys()
    path = adapters_root(settings) / "odd.gguf"
    path.parent.mkdir(parents=True)
    write_adapter(path, gguf_tensors(run.current(), HEADS, KEY_VALUE_HEADS), alpha=8.0, name="odd")
    try:
        for adapter, expected in (("odd", tuned), ("", plain), ("odd", tuned)):
            result = await served_logprobs(settings, adapter)
            assert result.keys() == expected.keys()
            assert all(abs(result[token] - expected[token]) < 0.02 for token in expected)
    finally:
        close_builtin()


def test_rows_are_interleaved_as_llama_cpp_wants_them() -> None:
    rows = np.arange(8, dtype=np.float32).reshape(8, 1)
    assert permute_rows(rows, 2)[:, 0].tolist() == [0, 2, 1, 3, 4, 6, 5, 7]


def test_foreign_weights_are_refused() -> None:
    with pytest.raises(ValueError, match="not a LoRA weight"):
        gguf_tensors({"model.layers.0.conv.weight": None}, 1, 1)


@pytest.mark.parametrize(("content", "words"), [(None, "no such model"), (b"GGUFnonsense", "GGUF")])
def test_unusable_base_models_are_refused(tmp_path: Path, content: bytes | None, words: str) -> None:
    path = tmp_path / "base.gguf"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(BadInput, match=r"base\.gguf") as error:
        trainable_folder(Settings(home=tmp_path / "home"), str(path))
    assert words in str(error.value)
