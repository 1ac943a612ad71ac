"""Kinds of long work: a name, what it takes, and what it does. A job is a kind with arguments."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Generic, Literal, TypeVar

from pydantic import ValidationError

from llmopt_core.errors import BadInput
from llmopt_core.jobs.context import JobContext
from llmopt_core.runs.store import Store
from llmopt_core.types import Spec

Lane = Literal["interactive", "watched", "evaluation", "training"]
"""The queue that a job waits in: work of one never waits for that of another.

`interactive` is for what somebody waits for, such as a look at one question; `watched` for what somebody follows answer
by answer, such as a comparison: both are done by the process that asked for them, while it lives. `evaluation` is for
what runs for minutes or hours, `training` for what trains models on this machine, one at a time in the workspace.
"""

# More evaluations at once share the same cores and limits of endpoints, and each takes longer; with fewer a short one
# waits behind a long one. Whoever waits before the screen needs little, so those lanes have room.
PLACES: Mapping[Lane, int] = {"interactive": 4, "watched": 8, "evaluation": 2, "training": 1}
"""How many jobs of a lane one process does at once."""

_WHOLE = frozenset({"instruction-search"})
"""Kinds whose words say all: what they name besides is the same for all of them."""
# The first that the arguments hold names what the job works on.
_NAMES = ("configurations", "variants", "subject", "configuration", "name", "settings")
_SETS = ("evaluation_set", "questions", "set")

Result = dict[str, Any] | None
A = TypeVar("A", bound=Spec)


@dataclass(frozen=True)
class JobKind(Generic[A]):
    """A kind of long work. It is done with nothing but its arguments and the store, so any process can do it.

    Attributes:
        name: Kept with each job; it never changes.
        arguments: What a job of this kind is given: plain values, no keys.
        run: Does it, plain or asynchronous; what it returns is kept as the job's result. A job that was begun before,
            here or in a process that is gone, is begun again with the same arguments: it does what is missing.
        title: Its words before what it works on, such as `Evaluating`.
        lane: Where it waits.
        drop: Undoes what was prepared for a job that was cancelled, or refused, while no process did it; given the
            store, the project and the arguments.
    """

    name: str
    arguments: type[A]
    run: Callable[[JobContext, A], Result | Awaitable[Result]]
    title: str
    lane: Lane = "evaluation"
    drop: Callable[[Store, str, A], None] | None = None

    def read(self, values: Mapping[str, Any]) -> A:
        """The arguments of a job that was stored.

        Raises:
            BadInput: Another version of the program stored it.
        """
        try:
            return self.arguments.model_validate(values)
        except ValidationError as error:
            where = ".".join(map(str, error.errors(include_url=False)[0]["loc"]))
            raise BadInput(
                f"Another version of the app asked for this job, and its arguments cannot be read ({where}): start it "
                "again where it was started."
            ) from None


class JobKinds:
    """Kinds by name. Those that are given by their place are imported at first use.

    Args:
        places: Name of a kind -> `module:name` of it.
    """

    def __init__(self, places: Mapping[str, str] | None = None) -> None:
        self._places = dict(places or {})
        self._kinds: dict[str, JobKind[Any]] = {}

    def register(self, kind: JobKind[Any]) -> JobKind[Any]:
        """Add a kind, or let it take the place of another of its name."""
        self._kinds[kind.name] = kind
        return kind

    def kind(self, name: str) -> JobKind[Any]:
        """The kind of that name.

        Raises:
            BadInput: There is none.
        """
        if name not in self._kinds:
            if name not in self._places:
                raise BadInput(f"This version of the app knows no job {name!r}; start the work again.")
            module, _, attribute = self._places[name].partition(":")
            self._kinds[name] = getattr(import_module(module), attribute)
        return self._kinds[name]

    def title(self, kind: str, arguments: Mapping[str, Any]) -> str:
        """What a job is called, so that its name says what is inside: `Evaluating baseline, rag on questions`.

        Args:
            kind: Of the job; the words of one that is not known here are made from its name.
            arguments: What it was asked to do, as any version of the program has stored it.
        """
        words = self.kind(kind).title if kind in self else kind.replace("-", " ").capitalize()
        name_keys = () if kind in _WHOLE else _NAMES
        inside = _inside(next((arguments[name] for name in name_keys if arguments.get(name)), ""))
        set_name = next((str(arguments[name]) for name in _SETS if isinstance(arguments.get(name), str)), "")
        # Words such as `Choosing examples of` end before a name; without one their last word goes, too.
        where = f"to {arguments['provider']}" if arguments.get("provider") else ""
        parts = (words, inside, f"on {set_name}" if set_name else "", where)
        return " ".join(part for part in parts if part).removesuffix(" of")

    def __contains__(self, name: object) -> bool:
        return name in self._kinds or name in self._places

    def __iter__(self) -> Iterator[str]:
        return iter({**self._places, **self._kinds})


def _inside(value: object) -> str:
    if isinstance(value, int):
        return f"{value:,} setting{'' if value == 1 else 's'}"
    if isinstance(value, (list, tuple)):
        return ", ".join(_name(one) for one in value)
    return _name(value)


def _name(value: object) -> str:
    return str(value.get("name", "")) if isinstance(value, Mapping) else str(value)
