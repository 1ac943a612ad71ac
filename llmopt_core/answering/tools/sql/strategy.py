"""One question -> a query that was run: draft, choice of solved queries, repair and vote, as a spec says."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal

from llmopt_core.answering.tools.sql.attempt import attempt_of, run_query
from llmopt_core.answering.tools.sql.database import Database
from llmopt_core.answering.tools.sql.prompt import query_messages, repair_messages
from llmopt_core.answering.tools.sql.query_text import begins_query, find_query
from llmopt_core.answering.tools.sql.solved import choose_solved
from llmopt_core.answering.tools.sql.spec import DataSpec
from llmopt_core.answering.tools.sql.vote import Vote, leader, samples_needed, vote_for
from llmopt_core.execution.concurrency import run_together
from llmopt_core.models.base import ChatRequest, ModelSpec
from llmopt_core.models.finish import unusable
from llmopt_core.prompts.few_shot import Encode
from llmopt_core.prompts.messages import Mode
from llmopt_core.types import DataAnswer, Message, QueryAttempt, Usage

if TYPE_CHECKING:
    from llmopt_core.models.registry import Models

# Ends a query where a model for plain text would go on with the next question.
_COMPLETION_STOP = (";", "\n\n", "/*")

OnAttempt = Callable[[QueryAttempt], None]


@dataclass
class QueryWriter:
    """Asks a model for queries, and counts what its calls took.

    Args:
        spec: The strategy.
        model: Who writes.
        models: Where to get it.
        mode: How it is asked.
        repeat: Numbers repeated answers to the same question.
        on_attempt: Receives each attempt as it was made.
    """

    spec: DataSpec
    model: ModelSpec
    models: Models
    mode: Mode
    repeat: int = 0
    on_attempt: OnAttempt | None = None
    usage: Usage = Usage()
    seconds: float = 0.0
    notes: list[str] = field(default_factory=list)

    async def answer(self, question: str, database: Database, encode: Encode) -> DataAnswer:
        """Everything from the question to the result that counts.

        Raises:
            BadInput: The source cannot be opened, or a template is wrong.
            EndpointError: The model failed.
        """
        view = await database.view(question, self.spec, encode)
        attempts: list[QueryAttempt] = []
        draft = ""
        if self.spec.drafts_first:
            messages = query_messages(self.spec, view.text, question, database.dialect, (), self.mode)
            draft = await self._write(messages, 0, database.dialect)
            attempts.append(self._tell(QueryAttempt("hypothetical", draft, "unread" if draft else "absent")))
        choose = (self.spec, question, view.words, database.dialect, encode)
        solved = await asyncio.to_thread(choose_solved, *choose, draft=draft)
        messages = query_messages(self.spec, view.text, question, database.dialect, solved, self.mode)
        answer = DataAnswer(
            database.label,
            database.version,
            tables=view.tables,
            table_reasons=view.reasons,
            hidden_columns=view.hidden_columns,
            examples=tuple(one.question for one in solved),
        )
        lines = await self._sample(messages, database)
        for line in lines:
            attempts += line.attempts
        return self._decide(replace(answer, attempts=tuple(attempts)), lines, len(attempts))

    async def _sample(self, messages: tuple[Message, ...], database: Database) -> list[_Line]:
        """Drafts, each with its repairs, until no further one could change which result leads."""
        most, lines = self.spec.samples, list[_Line]()
        needed = 1 if most == 1 else samples_needed([], most)
        while needed:
            numbers = range(len(lines), len(lines) + needed)
            lines += await run_together([self._line(messages, database, number) for number in numbers])
            needed = 0 if most == 1 else samples_needed([line.vote for line in lines], most)
        return lines

    async def _line(self, messages: tuple[Message, ...], database: Database, number: int) -> _Line:
        """One draft, and its repairs while it fails."""
        stage: Literal["draft", "repair", "sample"] = "draft" if number == 0 else "sample"
        attempts: list[QueryAttempt] = []
        vote: Vote | None = None
        for _ in range(self.spec.repair + 1):
            sql = await self._write(messages, number, database.dialect)
            attempt, vote = await self._run(sql, stage, database)
            attempts.append(self._tell(attempt))
            # A refusal is a fault that the model can mend; a limit that was reached as well.
            fails = attempt.status != "ok" or (self.spec.repair_empty and not attempt.row_count)
            if not fails:
                break
            messages, stage = repair_messages(messages, attempt, self.mode), "repair"
        return _Line(attempts, vote)

    async def _run(
        self, sql: str, stage: Literal["draft", "repair", "sample"], database: Database
    ) -> tuple[QueryAttempt, Vote | None]:
        if not sql:
            return QueryAttempt(stage, "", "absent", "The model wrote no query."), None
        outcome = await run_query(database, sql)
        attempt = attempt_of(sql, stage, outcome)
        if outcome.status != "ok":
            return attempt, None
        return attempt, vote_for(outcome.rows, cut_query=sql if outcome.is_cut else "")

    async def _write(self, messages: tuple[Message, ...], number: int, dialect: str) -> str:
        """One call, and the query in its text."""
        model = self.model
        if number and not model.temperature:
            model = model.model_copy(update={"temperature": self.spec.sample_temperature})
        if self.mode == "completion" and not model.stop:
            model = model.model_copy(update={"stop": _COMPLETION_STOP})
        # Apart for each sample and each repeat; the first of all is the call that a plain strategy makes.
        request = ChatRequest(messages, model, repeat=self.repeat * self.spec.samples + number)
        completion = await self.models.chat(model).complete(request)
        self.usage += completion.usage
        self.seconds += completion.seconds
        self.notes += [note for note in completion.notes if note not in self.notes]
        if problem := unusable(completion, model.max_tokens):
            self.notes.append(problem)
        text = completion.text
        # The prompt ended with SELECT, and most models go on behind it.
        if self.mode == "completion" and text.strip() and not begins_query(text):
            text = f"SELECT {text.lstrip()}"
        return find_query(text, dialect)

    def _decide(self, answer: DataAnswer, lines: Sequence[_Line], count: int) -> DataAnswer:
        best = leader([line.vote for line in lines])
        if best is None:
            return answer
        position, votes = best
        # The last attempt of a line is the one that gave its result.
        ends = count - sum(len(line.attempts) for line in lines[position + 1 :])
        tally = (votes, len(lines)) if self.spec.samples > 1 else None
        notes = answer.notes
        if tally and votes * 2 <= len(lines):
            notes = (*notes, f"No majority: {votes} of {len(lines)} drafts agree on the result.")
        return replace(answer, result=ends - 1, votes=tally, notes=notes)

    def _tell(self, attempt: QueryAttempt) -> QueryAttempt:
        if self.on_attempt is not None:
            self.on_attempt(attempt)
        return attempt


@dataclass(frozen=True, slots=True)
class _Line:
    """A draft with its repairs, and the vote of the last of them."""

    attempts: list[QueryAttempt]
    vote: Vote | None
