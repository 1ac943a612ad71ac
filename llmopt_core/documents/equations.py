"""Office equations -> one line, as one would type them."""

from __future__ import annotations

from typing import Any

from llmopt_core.documents.package import attribute, child, local


def equation(element: Any) -> str:
    """The text of an `oMath` element: `(a+b)/c`, `x^2`, `√(y)`."""
    # What ends in `Pr` are settings: fonts, sizes, the kind of a fraction.
    return "".join(_piece(item) for item in element if not local(item).endswith("Pr"))


def _part(element: Any, name: str) -> str:
    part = child(element, name)
    return equation(part) if part is not None else ""


def _group(text: str) -> str:
    # `x`, `12` and `ab` need no brackets; `a+b` does.
    return text if len(text) == 1 or text.isalnum() else f"({text})"


def _property(element: Any, name: str, otherwise: str) -> str:
    properties = next((item for item in element if local(item).endswith("Pr")), None)
    entry = child(properties, name)
    return attribute(entry, "val") if entry is not None else otherwise


def _piece(item: Any) -> str:  # noqa: PLR0911
    tag = local(item)
    if tag == "t":
        return item.text or ""
    if tag == "f":
        return f"{_group(_part(item, 'num'))}/{_group(_part(item, 'den'))}"
    if tag == "rad":
        degree = _part(item, "deg")
        # A square root names no degree, or 2.
        return f"{'' if degree in ('', '2') else _group(degree)}√({_part(item, 'e')})"
    if tag in ("sSup", "sSub", "sSubSup", "sPre"):
        below, above = _part(item, "sub"), _part(item, "sup")
        return _part(item, "e") + (f"_{_group(below)}" if below else "") + (f"^{_group(above)}" if above else "")
    if tag == "nary":
        below, above = _part(item, "sub"), _part(item, "sup")
        # An n-ary operator without a sign of its own is an integral, by the standard.
        sign = _property(item, "chr", "∫")
        return sign + (f"_{_group(below)}" if below else "") + (f"^{_group(above)}" if above else "") + _part(item, "e")
    if tag == "d":
        # Round brackets where none are named, and an empty name for none at all.
        inner = _property(item, "sepChr", "|").join(equation(e) for e in item if local(e) == "e")
        return f"{_property(item, 'begChr', '(')}{inner}{_property(item, 'endChr', ')')}"
    if tag in ("m", "eqArr"):
        # `m`: a matrix of rows; `eqArr`: equations below each other.
        rows = [e for e in item if local(e) in ("mr", "e")]
        return "; ".join(", ".join(equation(e) for e in row) if local(row) == "mr" else equation(row) for row in rows)
    if tag in ("limLow", "limUpp"):
        return f"{_part(item, 'e')}{'_' if tag == 'limLow' else '^'}{_group(_part(item, 'lim'))}"
    if tag in ("acc", "bar"):
        # Marks of Unicode stand behind the letter that they are above.
        return _part(item, "e") + (_property(item, "chr", "\u0302") if tag == "acc" else "\u0305")
    # Removed by a tracked change.
    if tag in ("del", "moveFrom"):
        return ""
    if tag == "func":
        return f"{_part(item, 'fName')} {_part(item, 'e')}"
    return equation(item)
