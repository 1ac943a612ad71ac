"""The verdicts of the built-in judge belong to its version."""

from llmopt_core.evaluation.judges.builtin.grounding import Grounding
from llmopt_core.evaluation.judges.builtin.token_vectors import TokenReader
from llmopt_core.evaluation.judges.judge import BUILTIN_JUDGE_VERSION
from llmopt_core.models.scripted import HashEmbedder

TEXT = (
    "The port of Halden handled 4.2 million tonnes in 2021. Container traffic rose by 12 percent. "
    "Ingrid Solberg leads the port authority. 港口的货物吞吐量上升了。"
)
STATEMENTS = (
    "The port of Halden handled four point two million tonnes in 2021.",
    "Container traffic climbed by twelve percent.",
    "Container traffic fell by 12 percent.",
    "The port authority is led by Ingrid Solberg.",
    "Boats are expensive.",
    "港口的货物吞吐量下降了。",
    "Container traffic failed to rise by 12 percent.",
)
VERDICTS = {"4": (0.772, 0.848, 0.302, 0.744, 0.363, 0.298, 0.201)}


def test_a_verdict_that_changes_needs_a_new_version():
    embedder = HashEmbedder(48)
    embedder.name = "version"
    reader = TokenReader(lambda: embedder)
    found = Grounding(TEXT, reader).supports(STATEMENTS, "What happened?", reply=True)
    rounded = tuple(round(support.probability, 3) for support in found)
    assert rounded == VERDICTS[BUILTIN_JUDGE_VERSION], "raise BUILTIN_JUDGE_VERSION in evaluation/judge.py"
