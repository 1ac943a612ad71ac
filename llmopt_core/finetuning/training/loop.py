"""The training loop: steps, measurements, checkpoints, early stopping. What is trained is up to the subclass."""

from __future__ import annotations

import math
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from llmopt_core.errors import StorageError
from llmopt_core.finetuning.jobs.job import MetricPoint
from llmopt_core.finetuning.training.checkpoints import Checkpoints
from llmopt_core.finetuning.training.hyperparameters import LoopSettings

E = TypeVar("E")


@dataclass
class Measurement:
    """Mean loss and accuracy over some examples, and the loss and number of learned tokens of each, by position."""

    loss: float
    accuracy: float
    by_example: dict[int, tuple[float, int]] = field(default_factory=dict)


@dataclass
class Position:
    """Where a run stands; everything beside the weights that a checkpoint holds."""

    step: int = 0
    tokens: int = 0
    seconds: float = 0.0
    best_loss: float = math.inf  # any first measurement is better
    best_step: int = 0
    worse: int = 0  # measurements in a row without a better one


class TrainingStop(Exception):
    """The run was asked to stop; its last state is in the checkpoint."""


@dataclass
class Hooks:
    """What the loop tells and asks the outside.

    Attributes:
        on_metrics: Called with each new point of the curves.
        on_progress: Called after each step with the position and the number of steps.
        should_stop: Asked before each step.
        log: Takes warnings in words.
    """

    on_metrics: Callable[[MetricPoint], None] = lambda point: None
    on_progress: Callable[[Position, int], None] = lambda position, total: None
    should_stop: Callable[[], bool] = lambda: False
    log: Callable[[str], None] = lambda message: None


class TrainingLoop(ABC, Generic[E]):
    """Trains weights on examples of type E.

    Args:
        weights: Parameters by name; they are changed.
        settings: Hyperparameters.
        train: Examples to learn.
        validation: Examples to measure; may be empty.
        checkpoints: Where the state is kept.
        seed: Decides the order and the dropout.
        hooks: The outside.
    """

    def __init__(
        self,
        weights: Mapping[str, Any],
        settings: LoopSettings,
        train: Sequence[E],
        validation: Sequence[E],
        checkpoints: Checkpoints,
        *,
        seed: int = 0,
        hooks: Hooks | None = None,
    ) -> None:
        import torch

        self._weights, self._loop = weights, settings
        self.train, self.validation = train, validation
        self.checkpoints, self.seed, self.hooks = checkpoints, seed, hooks or Hooks()
        self._optimizer = torch.optim.AdamW(
            weights.values(), lr=settings.learning_rate, weight_decay=settings.weight_decay
        )
        self.position = Position()
        # The step alone tells epoch and batch, so a resumed run needs no other state to find its place.
        self._per_epoch = len(self.epoch_batches(0))
        self.total_steps = settings.epochs * self._per_epoch
        self._measure_every = max(1, math.ceil(self.total_steps / settings.evaluations))

    @abstractmethod
    def epoch_batches(self, epoch: int) -> list[list[E]]:
        """The batches of an epoch, the same for the same epoch and seed, and equally many in every epoch."""

    @abstractmethod
    def batch_loss(self, batch: Sequence[E]) -> tuple[Any, float, int]:
        """Mean loss of a batch (a tensor to differentiate), accuracy, and the number of tokens that were read."""

    @abstractmethod
    def measure(self, examples: Sequence[E]) -> Measurement:
        """Loss and accuracy with the weights as they are."""

    @property
    def keeps_best(self) -> bool:
        """Whether the result is the model with the lowest validation loss."""
        return self._loop.keep_best and bool(self.validation)

    def current(self) -> dict[str, Any]:
        """The weights by name."""
        return {name: parameter.detach() for name, parameter in self._weights.items()}

    def restore(self) -> bool:
        """Go on from the last checkpoint, where there is one."""
        import torch

        state = self.checkpoints.load_last()
        if state is None:
            return False
        self._set(state["weights"])
        self._optimizer.load_state_dict(state["optimizer"])
        # Dropout goes on with the numbers it would have had, so a resumed run equals one that was never stopped.
        torch.set_rng_state(state["rng"])
        self.position = Position(**state["position"])
        return True

    def run(self) -> Measurement | None:
        """Train to the end (or until it stops early), and measure all validation examples with the result.

        Raises:
            TrainingStop: `should_stop` said so; the state was saved first where there is room.
        """
        # The point at step 0 shows what the base model can do.
        if self.position.step == 0:
            self._measure_on_the_way()
        order: list[list[E]] = []
        epoch = -1
        while self.position.step < self.total_steps and not self._stops_early():
            # Between steps, where weights and optimizer fit together.
            if self.hooks.should_stop():
                self._save()
                raise TrainingStop
            if self.position.step // self._per_epoch != epoch:
                epoch = self.position.step // self._per_epoch
                order = self.epoch_batches(epoch)
            self._step(order[self.position.step % self._per_epoch])
        # Before the best weights are taken: a resume after a failed export must find the last state.
        self._save()
        self._take_best()
        return self.measure(self.validation) if self.validation else None

    def _stops_early(self) -> bool:
        if not self._loop.patience or self.position.worse < self._loop.patience:
            return False
        self.hooks.log(
            f"Stopped early after step {self.position.step}: the validation loss has not improved since step "
            f"{self.position.best_step}."
        )
        return True

    def _step(self, batch: Sequence[E]) -> None:
        import torch

        start = time.monotonic()
        rate = self.learning_rate(self.position.step)
        for group in self._optimizer.param_groups:
            group["lr"] = rate
        loss, accuracy, tokens = self.batch_loss(batch)
        loss.backward()
        # The usual bound of 1 on the gradient's length: one strange example cannot throw the weights far off.
        torch.nn.utils.clip_grad_norm_(self._weights.values(), 1.0)
        self._optimizer.step()
        # Cleared after the step rather than before, so that gradients take no memory while measuring.
        self._optimizer.zero_grad()
        at = self.position
        at.step += 1
        at.tokens += tokens
        at.seconds += time.monotonic() - start
        self._tell(train_loss=float(loss.detach()), train_accuracy=accuracy, learning_rate=rate)
        if at.step % self._measure_every == 0 or at.step == self.total_steps:
            self._measure_on_the_way()
        # The last one is written by `run`.
        if at.step % self._loop.checkpoint_every == 0 and at.step < self.total_steps:
            self._save()
        self.hooks.on_progress(at, self.total_steps)

    def _tell(self, **values: float) -> None:
        at = self.position
        self.hooks.on_metrics(MetricPoint(at.step, tokens=at.tokens, seconds=round(at.seconds, 2), **values))

    def learning_rate(self, step: int) -> float:
        """The step size after `step` steps."""
        # Rounded up, so that a share above 0 warms up for a step at least.
        warm = math.ceil(self._loop.warmup_share * self.total_steps)
        top = self._loop.learning_rate
        if step < warm:
            # (step + 1) / (warm + 1): the first step is above 0, and the step after the last warm one reaches the top.
            return top * (step + 1) / (warm + 1)
        # From 1 down to 0.
        remaining_share = (self.total_steps - step) / max(1, self.total_steps - warm)
        shapes = {"linear": remaining_share, "cosine": 0.5 - 0.5 * math.cos(math.pi * remaining_share), "constant": 1.0}
        return top * shapes[self._loop.schedule]

    def _measure_on_the_way(self) -> None:
        if not self.validation:
            return
        start = time.monotonic()
        measurement = self.measure(self.validation[: self._loop.validation_examples])
        at = self.position
        # Measuring counts as work, or the time left would be told too short.
        at.seconds += time.monotonic() - start
        self._tell(valid_loss=measurement.loss, valid_accuracy=measurement.accuracy)
        if measurement.loss < at.best_loss:
            at.worse = 0
            # What could not be written is not the best that there is: the one before it stays, with its step. Those of
            # the last step are in place in any case.
            if self._save_best(measurement.loss) or at.step == self.total_steps:
                at.best_loss, at.best_step = measurement.loss, at.step
        else:
            at.worse += 1

    def _save(self) -> None:
        import torch

        state = {
            "weights": self.current(),
            "optimizer": self._optimizer.state_dict(),
            "rng": torch.get_rng_state(),
            "position": vars(self.position),
        }
        try:
            # A full disk must not end hours of training; the next checkpoint may find room.
            self.checkpoints.save_last(state, self.position.step)
        except StorageError as error:
            self.hooks.log(
                f"The checkpoint of step {self.position.step} was not written, the earlier one stays: {error}"
            )

    def _save_best(self, loss: float) -> bool:
        """Keep the weights of this step, if the best are kept; whether there was room for them."""
        if not self._loop.keep_best:
            return True
        try:
            self.checkpoints.save_best(self.current(), self.position.step, loss)
        except StorageError as error:
            self.hooks.log(f"The best model so far (step {self.position.step}) was not written: {error}")
            return False
        return True

    def _take_best(self) -> None:
        best = self.checkpoints.load_best() if self.keeps_best else None
        # Where none was written, or the last step is the best one, the weights of that step are in place.
        if best is None:
            self.position.best_step = self.position.step
        elif self.position.best_step < self.position.step:
            self._set(best)

    def _set(self, weights: Mapping[str, Any]) -> None:
        import torch

        with torch.no_grad():
            for name, parameter in self._weights.items():
                parameter.copy_(weights[name])
