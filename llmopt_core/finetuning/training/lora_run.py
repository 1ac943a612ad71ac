"""Training a LoRA adapter on a CPU: logits only where something is learned, bfloat16 where the CPU has it."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from llmopt_core.finetuning.training.checkpoints import Checkpoints
from llmopt_core.finetuning.training.encoding import IGNORE_INDEX, EncodedExample, batches, by_length
from llmopt_core.finetuning.training.hyperparameters import LoraSettings
from llmopt_core.finetuning.training.loop import Hooks, Measurement, TrainingLoop
from llmopt_core.finetuning.training.lora_gguf import TARGETS

# Only part of a step is matrix products, so a small gain is none.
# Of the time in single precision. The trial below is short, so a ratio near 1 may be chance.
_WORTH_IT = 0.75
# Up to so many pairs of tokens in a batch, writing attention out is faster than the fused kernel, and still fits.
# The memory of one layer's attention grows with batch x length x length; this is eight texts of 256 tokens.
_PAIRS = 8 * 256 * 256


class LoraRun(TrainingLoop[EncodedExample]):
    """Trains an adapter.

    Args:
        model: A llama-architecture `PreTrainedModel` in single precision; it is changed.
        settings: Hyperparameters.
        train: Examples to learn.
        validation: Examples to measure; may be empty.
        checkpoints: Where the state is kept.
        seed: Decides the adapter's start, the order and the dropout.
        half: Whether matrix products run in bfloat16.
        hooks: The outside.
    """

    def __init__(
        self,
        model: Any,
        settings: LoraSettings,
        train: Sequence[EncodedExample],
        validation: Sequence[EncodedExample],
        checkpoints: Checkpoints,
        *,
        seed: int = 0,
        half: bool = False,
        hooks: Hooks | None = None,
    ) -> None:
        import torch
        from peft import LoraConfig, get_peft_model

        torch.manual_seed(seed)
        config = LoraConfig(
            r=settings.rank,
            lora_alpha=settings.scaling * settings.rank,
            lora_dropout=settings.dropout,
            target_modules=list(TARGETS[settings.layers]),
            task_type="CAUSAL_LM",
        )
        self.settings, self.half = settings, half
        self.model = get_peft_model(model, config)
        self.base = self.model.get_base_model()
        longest = max((len(example.ids) for example in (*train, *validation)), default=0)
        if settings.batch_size * longest**2 <= _PAIRS:
            self.base.set_attn_implementation("eager")
        # After peft has marked what is trained, which stays in single precision.
        if half:
            _keep_in_half(self.base)
        weights = {n: p for n, p in self.model.named_parameters() if p.requires_grad}
        super().__init__(weights, settings, train, validation, checkpoints, seed=seed, hooks=hooks)

    def epoch_batches(self, epoch: int) -> list[list[EncodedExample]]:
        """See `TrainingLoop.epoch_batches`."""
        return batches(self.train, self.settings.batch_size, self.seed * 1_000 + epoch)

    def batch_loss(self, batch: Sequence[EncodedExample]) -> tuple[Any, float, int]:
        """See `TrainingLoop.batch_loss`."""
        self.model.train()
        losses, right = self._losses(batch)
        return losses.mean(), float(right.float().mean()), sum(len(example.ids) for example in batch)

    def measure(self, examples: Sequence[EncodedExample]) -> Measurement:
        """Loss per learned token and the share of tokens the model would have said, dropout off."""
        import torch

        self.model.eval()
        by_example: dict[int, tuple[float, int]] = {}
        correct = 0
        # By length, since order does not matter when measuring and padding costs time.
        for batch in by_length(examples, self.settings.batch_size):
            with torch.no_grad():
                losses, right = self._losses(batch)
            correct += int(right.sum())
            for example, part in zip(batch, losses.split([e.learned_tokens for e in batch]), strict=True):
                by_example[example.number] = (float(part.mean()), len(part))
        total = sum(count for _, count in by_example.values())
        # Over tokens, not over examples: a long answer counts as much as its length.
        loss = sum(mean * count for mean, count in by_example.values()) / total
        return Measurement(loss, correct / total, by_example)

    def _losses(self, batch: Sequence[EncodedExample]) -> tuple[Any, Any]:
        """Loss of every learned token, example after example, and whether the model would have said it."""
        import torch

        ids, labels, mask = _pad(batch)
        half = torch.autocast("cpu", dtype=torch.bfloat16) if self.half else contextlib.nullcontext()
        with half:
            # The last token predicts nothing. The head is applied to learned positions alone: over a vocabulary of tens
            # of thousands it is the largest product of a step.
            states = self.base.model(input_ids=ids, attention_mask=mask, use_cache=False).last_hidden_state[:, :-1]
            targets = labels[:, 1:]
            is_learned = targets != IGNORE_INDEX
            # The loss is reckoned in single precision: differences of near-equal logits vanish in bfloat16.
            logits = self.base.lm_head(states[is_learned]).float()
        losses = torch.nn.functional.cross_entropy(logits, targets[is_learned], reduction="none")
        return losses, logits.argmax(-1) == targets[is_learned]


def _keep_in_half(model: Any) -> None:
    """Store frozen layers in bfloat16: autocast would convert them anew, to the same numbers, at every step."""
    import torch

    # The decoder without the head, whose logits decide the loss.
    for module in model.get_decoder().modules():
        if isinstance(module, torch.nn.Linear) and not module.weight.requires_grad:
            module.to(torch.bfloat16)


def _pad(batch: Sequence[EncodedExample]) -> tuple[Any, Any, Any]:
    import torch

    longest = max(len(example.ids) for example in batch)
    # The padding's id does not matter, since the mask hides it and its label is not learned.
    ids = torch.zeros((len(batch), longest), dtype=torch.long)
    labels = torch.full((len(batch), longest), IGNORE_INDEX)
    mask = torch.zeros((len(batch), longest), dtype=torch.long)
    for row, example in enumerate(batch):
        length = len(example.ids)
        ids[row, :length] = torch.tensor(example.ids)
        labels[row, :length] = torch.tensor(example.labels)
        mask[row, :length] = 1
    return ids, labels, mask


def half_is_faster() -> bool:
    """Whether bfloat16 pays on this CPU: it must have instructions for it, and be clearly faster in a short trial.

    Some CPUs multiply bfloat16 in hardware and are still slower at it than at single precision.
    """
    import torch

    if not _has_half_instructions():
        return False
    # The best of eight: whatever else the machine does can only slow a trial down.
    best = dict.fromkeys((torch.float32, torch.bfloat16), float("inf"))
    for _ in range(8):
        for kind in best:
            # Shapes of the built-in model's layers.
            inputs, weights = torch.ones(512, 576, dtype=kind), torch.ones(576, 1536, dtype=kind)
            start = time.perf_counter()
            inputs @ weights
            best[kind] = min(best[kind], time.perf_counter() - start)
    return best[torch.bfloat16] < _WORTH_IT * best[torch.float32]


def _has_half_instructions() -> bool:
    try:
        # The first processor's line; all of a machine have the same. Elsewhere than on Linux there is no such file, and
        # single precision always works.
        flags = Path("/proc/cpuinfo").read_text(encoding="utf-8").partition("flags")[2].partition("\n")[0]
    except OSError:
        return False
    return "avx512_bf16" in flags or "amx_bf16" in flags
