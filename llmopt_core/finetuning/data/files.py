"""Training sets from and to files."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from llmopt_core.errors import BadInput
from llmopt_core.finetuning.data.examples import TrainingExample, TrainingSet, from_openai
from llmopt_core.finetuning.data.reading import RawExample, read_examples
from llmopt_core.finetuning.data.rules import check_example

# What services take; far more than anyone trains on here.
MOST_BYTES = 512_000_000


def load_training_set(source: Path | bytes, name: str = "", *, columns: Mapping[str, str] | None = None) -> TrainingSet:
    """All examples of a JSONL or CSV file.

    Args:
        source: The file, or the bytes of an upload.
        name: File name of an upload; decides the format by its suffix.
        columns: As of `read_examples`.

    Raises:
        BadInput: The file cannot be read, or an example breaks a rule; names the first such line.
    """
    name = name or (source.name if isinstance(source, Path) else "")
    _refuse_huge(source, name)
    examples = tuple(_example(raw, name) for raw in read_examples(source, name, columns))
    # The two kinds take different trainings; a service would refuse the file after the upload.
    if len({example.is_preference for example in examples}) > 1:
        raise BadInput(f"{name}: conversations and preference pairs stand in one file; put each kind into its own.")
    return TrainingSet(Path(name).stem or "training", examples)


def _refuse_huge(source: Path | bytes, name: str) -> None:
    # A missing file counts as small: the reader says that it is missing.
    size = len(source) if isinstance(source, bytes) else source.stat().st_size if source.exists() else 0
    if size > MOST_BYTES:
        raise BadInput(
            f"{name}: {size / 1e6:,.0f} MB are too much to train on (at most {MOST_BYTES // 10**6} MB); check it with "
            "llmopt finetune check, then take a part of it."
        )


def _example(raw: RawExample, name: str) -> TrainingExample:
    if raw.problem:
        form = f"of the form {raw.form}: " if raw.form else ""
        raise BadInput(f"{name}, line {raw.line}: {form}{raw.problem}.")
    # Doubts do not stop: many good files have no system message.
    errors = [problem for problem in check_example(raw.value) if problem.is_error]
    if errors:
        raise BadInput(f"{name}, line {raw.line}: {errors[0].message}.")
    # Label and group stand beside the format, and `from_openai` reads them from the same level.
    return from_openai({**raw.value, **raw.about}, f"{name} line {raw.line}")
