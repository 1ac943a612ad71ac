"""MathML -> one line, as one would type it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

# Wikipedia, arXiv and others write the source of a formula beside it.
_TEX = ("application/x-tex", "application/x-latex", "text/x-tex")
_DISPLAY = "{\\displaystyle "


def formula(math: Any) -> str:
    """The TeX that a formula brings along; else its text with `/`, `^`, `_` and `√`."""
    for annotation in math.iter("annotation"):
        if annotation.get("encoding", "").lower() in _TEX and (annotation.text or "").strip():
            text = " ".join(annotation.text.split())
            # Wikipedia puts each formula into `{\displaystyle ...}`, which is no part of it.
            return text.removeprefix(_DISPLAY).removesuffix("}").strip() if text.startswith(_DISPLAY) else text
    try:
        return " ".join(_row(math).split())
    except RecursionError:
        # Nested by the thousand: the words alone.
        return " ".join("".join(math.itertext()).split())


def _row(element: Any) -> str:
    text = [element.text or ""]
    for item in element:
        text += [_piece(item) if isinstance(item.tag, str) else "", item.tail or ""]
    # White space between elements is of the page's source.
    return "".join(part for part in text if part.strip())


def _piece(item: Any) -> str:
    shape = _SHAPES.get(item.tag)
    if shape is None:
        return _row(item)
    return shape(item, [_piece(one) for one in item if isinstance(one.tag, str)])


def _sign(item: Any, parts: Sequence[str]) -> str:
    sign = (item.text or "").strip()
    return f" {sign} " if sign in _SPACED_SIGNS else sign


def _first(item: Any, parts: Sequence[str]) -> str:
    return parts[0] if parts else ""


def _fraction(item: Any, parts: Sequence[str]) -> str:
    return "/".join(map(_group, parts))


def _root(item: Any, parts: Sequence[str]) -> str:
    # `msqrt` may have several parts under its root, `mroot` has a base and a degree.
    inner, degree = [*parts, "", ""][:2] if item.tag == "mroot" else ("".join(parts), "")
    return f"{_group(degree) if degree else ''}√({inner})"


def _scripts(item: Any, parts: Sequence[str]) -> str:
    # Missing parts are empty, as a page may leave them out.
    base, first, second = [*parts, "", "", ""][:3]
    below, above = ("", first) if item.tag in ("msup", "mover") else (first, second)
    return base + (f"_{_group(below)}" if below else "") + (f"^{_group(above)}" if above else "")


def _group(text: str) -> str:
    text = text.strip()
    # As in equations of Office files: single letters and words need no brackets.
    return text if len(text) == 1 or text.isalnum() else f"({text})"


_SPACED_SIGNS = frozenset("=+-−<>≤≥≠≈")
_SHAPES: Mapping[str, Callable[[Any, Sequence[str]], str]] = {
    # `a = b`, but `x(y)`: signs of relations and sums have space around them.
    "mo": _sign,
    # The first child is the formula, the others say the same for programs.
    "semantics": _first,
    "mfrac": _fraction,
    "msqrt": _root,
    "mroot": _root,
    **dict.fromkeys(("msup", "msub", "mover", "munder", "msubsup", "munderover"), _scripts),
    "mtr": lambda _, parts: ", ".join(parts),
    "mtable": lambda _, parts: "; ".join(parts),
    # Told before, or in a language that nobody reads.
    **dict.fromkeys(("annotation", "annotation-xml"), lambda _, __: ""),
}
