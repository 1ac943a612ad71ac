"""What rebuilds a component, and the hash that names it."""

from __future__ import annotations

import hashlib
import json
from typing import Any, ClassVar, get_args

from pydantic import BaseModel, ConfigDict, model_validator


def canonical_json(value: Any) -> str:
    """JSON with sorted keys and no spaces, equal for equal values."""
    # `default=str` for paths and dates. What it writes is the basis of every key in caches: it may never change.
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=str)


def fingerprint(*parts: Any) -> str:
    """A short content hash (16 hexadecimal digits) of JSON-like values."""
    # 64 bits: two of a million values meet with a chance of one to forty million. `surrogatepass`, since half a
    # character may stand in a text that is refused later, with a better message.
    return hashlib.sha256(canonical_json(parts).encode("utf-8", "surrogatepass")).hexdigest()[:16]


class Spec(BaseModel):
    """A frozen description of a component: name and arguments that rebuild it. Unknown keys are refused."""

    # Frozen, as its hash names what was made with it; no NaN, which is no JSON and equal to nothing.
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _refuse_yes_for_numbers(cls, values: Any) -> Any:
        """`yes` and `true` are 1 to pydantic, which nobody means by them."""
        for name, value in values.items() if isinstance(values, dict) else ():
            # `is`: 1 and 1.0 are equal to True.
            field = cls.model_fields.get(name) if value is True or value is False else None
            if field is not None and takes_number(field.annotation):
                raise ValueError(f"{name} should be a number, not {'yes' if value else 'no'}")
        return values

    fingerprint_kind: ClassVar[str] = ""
    """What its fingerprint begins with; empty for the name of its class. A renamed class keeps its former name here,
    so that caches and indexes stay in use."""

    @property
    def fingerprint(self) -> str:
        """Hash of the kind of spec and all its values."""
        return fingerprint(self.fingerprint_kind or type(self).__name__, self.model_dump(mode="json"))


def plain_types(annotation: Any) -> set[Any]:
    """The types that an annotation is made of."""
    parts = get_args(annotation)
    # `Literal` and `Annotated` give values among their parts: they match no type that anybody looks for.
    return {annotation} if not parts else set().union(*(plain_types(part) for part in parts))


def takes_number(annotation: Any) -> bool:
    """Whether a field takes numbers, and no yes or no beside them."""
    kinds = plain_types(annotation)
    # `int | str` takes yes for 1 as well, `int | bool` means it.
    return bool({int, float} & kinds) and not {bool, Any} & kinds
