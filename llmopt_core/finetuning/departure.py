"""What leaves the machine when a job is started at a service, said before it does."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

from llmopt_core.finetuning.data import TrainingSet
from llmopt_core.models.client import is_loopback
from llmopt_core.models.endpoints import Endpoint


@dataclass(frozen=True, slots=True)
class Departure:
    """Files that would be uploaded, and where to.

    Attributes:
        host: The machine that receives them.
        stays: Whether that is this machine.
    """

    host: str
    stays: bool
    examples: int
    validation_examples: int
    bytes: int

    @property
    def sentence(self) -> str:
        """For the user to agree to."""
        held = f" and {self.validation_examples:,} validation examples" if self.validation_examples else ""
        where = "another program on this machine" if self.stays else self.host
        return (
            f"{self.examples:,} training examples{held} ({self.bytes / 1e6:.1f} MB, every question and answer in full) "
            f"will be sent to {where} and kept there until you delete them."
        )


def departure(endpoint: Endpoint, training: TrainingSet, validation: TrainingSet | None = None) -> Departure:
    """What starting a job at this endpoint would send."""
    parts = [training, *([validation] if validation else [])]
    return Departure(
        host=urlsplit(endpoint.base_url).hostname or endpoint.base_url,
        stays=is_loopback(endpoint.base_url),
        examples=len(training.examples),
        validation_examples=len(validation.examples) if validation else 0,
        bytes=sum(len(part.to_jsonl()) for part in parts),
    )
