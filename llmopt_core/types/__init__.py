"""The words of the project as frozen values.

Everything that flows between stages is defined here and nowhere else. This package imports nothing of ours.
"""

from llmopt_core.types.documents import COLUMNS, Chunk, Document, Hit, Span
from llmopt_core.types.examples import GOLD_VARIABLE, EvaluationSet, Example
from llmopt_core.types.messages import Message, ToolCall
from llmopt_core.types.queries import Cell, DataAnswer, QueryAttempt
from llmopt_core.types.records import Answer, Evidence, Record, Repeat, Score, StageTrace
from llmopt_core.types.spec import Spec, canonical_json, fingerprint, plain_types, takes_number
from llmopt_core.types.usage import Failure, Usage

__all__ = [
    "COLUMNS",
    "GOLD_VARIABLE",
    "Answer",
    "Cell",
    "Chunk",
    "DataAnswer",
    "Document",
    "EvaluationSet",
    "Evidence",
    "Example",
    "Failure",
    "Hit",
    "Message",
    "QueryAttempt",
    "Record",
    "Repeat",
    "Score",
    "Span",
    "Spec",
    "StageTrace",
    "ToolCall",
    "Usage",
    "canonical_json",
    "fingerprint",
    "plain_types",
    "takes_number",
]
