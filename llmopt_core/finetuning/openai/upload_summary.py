"""What leaves the machine when a job is started at a service, said before it does."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from llmopt_core.finetuning.data.examples import TrainingSet
from llmopt_core.finetuning.data.secret_hints import secret_kinds
from llmopt_core.models.endpoints import Endpoint
from llmopt_core.models.hosts import is_loopback


@dataclass(frozen=True, slots=True)
class UploadSummary:
    """Files that would be uploaded, and where to.

    Attributes:
        host: The machine that receives them.
        is_local: Whether that is this machine.
        bytes: Size of the files.
        secrets: In how many examples each kind of likely secret was seen.
        with_secrets: How many examples seem to hold any.
    """

    host: str
    is_local: bool
    examples: int
    validation_examples: int
    bytes: int
    secrets: Mapping[str, int] = field(default_factory=dict)
    with_secrets: int = 0

    @property
    def sentence(self) -> str:
        """For the user to agree to."""
        extra = f" and {self.validation_examples:,} validation examples" if self.validation_examples else ""
        where = "another program on this machine" if self.is_local else self.host
        return (
            f"{self.examples:,} training examples{extra} ({size_words(self.bytes)}, every question and answer in full) "
            f"will be sent to {where} and kept there until you delete them."
        )

    @property
    def warning(self) -> str:
        """What of it nobody may want to send; empty where nothing looks like a secret."""
        if not self.with_secrets:
            return ""
        kinds = ", ".join(f"{kind} in {count:,}" for kind, count in self.secrets.items())
        these = "1 example seems" if self.with_secrets == 1 else f"{self.with_secrets:,} examples seem"
        return f"{these} to hold a secret ({kinds})."


def size_words(count: int) -> str:
    """`812 bytes`, `38 KB`, `1.2 MB`."""
    if count < 1_000:
        return f"{count} bytes"
    # From 999,500 on it would be rounded to "1000 KB".
    return f"{count / 1_000:.0f} KB" if count < 999_500 else f"{count / 1e6:,.1f} MB"


def summarize_upload(endpoint: Endpoint, training: TrainingSet, validation: TrainingSet | None = None) -> UploadSummary:
    """What starting a job at this endpoint would send."""
    parts = [training, *([validation] if validation else [])]
    messages = [(*e.messages, *e.preferred, *e.rejected) for part in parts for e in part.examples]
    kinds_by_example = [kinds for one in messages if (kinds := secret_kinds(one))]
    return UploadSummary(
        # An address without a scheme has no host to urlsplit; then all of it is shown rather than nothing.
        host=urlsplit(endpoint.base_url).hostname or endpoint.base_url,
        is_local=is_loopback(endpoint.base_url),
        examples=len(training.examples),
        validation_examples=len(validation.examples) if validation else 0,
        bytes=sum(len(part.to_jsonl()) for part in parts),
        secrets=Counter(kind for kinds in kinds_by_example for kind in kinds),
        with_secrets=len(kinds_by_example),
    )
