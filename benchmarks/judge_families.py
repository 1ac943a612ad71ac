"""The built-in judge on families of statements: opposites, exchanged names, written numbers, inventions, paraphrases.

    python benchmarks/judge_families.py [--fitting-half]

Measured on the half of `tests/data/judge/families.jsonl` that nothing was fitted or chosen on, with intervals by
document. `--fitting-half` shows the other half, with each wrong verdict and its reason.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT)]

from llmopt_core.settings import silence_telemetry  # noqa: E402

silence_telemetry()

from llmopt_core.evaluation.judges.builtin.grounding import Grounding, Support  # noqa: E402
from llmopt_core.evaluation.judges.builtin.judge import statements  # noqa: E402
from llmopt_core.evaluation.judges.builtin.token_vectors import TokenReader  # noqa: E402
from llmopt_core.models.base import BUILTIN_EMBEDDING  # noqa: E402
from llmopt_core.models.local.embedding import local_embedder  # noqa: E402
from llmopt_core.statistics.clusters import share_interval  # noqa: E402

FAMILIES = ROOT / "tests" / "data" / "judge" / "families.jsonl"


@dataclass(frozen=True)
class Verdict:
    """What the judge said of one statement."""

    document: str
    language: str
    family: str
    label: bool
    text: str
    support: Support

    @property
    def right(self) -> bool:
        """Whether the judge agrees with the label."""
        return self.support.verdict == self.label


def verdicts(reader: TokenReader, held_out: bool) -> Iterator[Verdict]:
    """The judge's verdict on every case of a half."""
    for line in FAMILIES.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        if row["held_out"] != held_out:
            continue
        grounding = Grounding(row["text"], reader)
        for case in row["cases"]:
            said = statements(case["text"]) or [case["text"]]
            result = grounding.supports(said, row["question"], reply=True)
            least = min(result, key=lambda support: support.probability)
            yield Verdict(row["document"], row["language"], case["family"], case["label"], case["text"], least)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--fitting-half", action="store_true")
    options = parser.parse_args()
    model = local_embedder(BUILTIN_EMBEDDING, 2)
    families: dict[tuple[bool, str, str], list[Verdict]] = defaultdict(list)
    for verdict in verdicts(TokenReader(lambda: model), not options.fitting_half):
        families[verdict.label, verdict.family, verdict.language].append(verdict)
        if options.fitting_half and not verdict.right:
            print(f"{verdict.language} {verdict.family}: {verdict.text} | {verdict.support.reason}")
    for (label, family, language), found in sorted(families.items()):
        # Of wrong statements the share caught, of right ones the share rejected.
        rejected = [not verdict.support.verdict for verdict in found]
        low, high = share_interval(rejected, [verdict.document for verdict in found])
        documents = len({verdict.document for verdict in found})
        print(
            f'    Family("{family}", "{language}", {label}, {documents}, {len(found)}, {sum(rejected)}, '
            f"{low:.2f}, {high:.2f}),"
        )
    rest = np.mean([verdict.right for found in families.values() for verdict in found])
    print(f"right in all: {rest:.3f} of {sum(map(len, families.values()))}")


if __name__ == "__main__":
    main()
