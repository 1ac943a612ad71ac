"""Characters of picture fonts in Word files -> Unicode."""

from __future__ import annotations

# Adobe's Symbol encoding from 0x20 and from 0xA0.
_SYMBOL = (
    " !∀#∃%&∋()∗+,−./0123456789:;<=>?≅ΑΒΧΔΕΦΓΗΙϑΚΛΜΝΟΠΘΡΣΤΥςΩΞΨΖ[∴]⊥_\u203eαβχδεφγηιϕκλμνοπθρστυϖωξψζ{|}∼",
    "€ϒ′≤⁄∞ƒ♣♦♥♠↔←↑→↓°±″≥×∝∂•÷≠≡≈…⏐⎯↵ℵℑℜ℘⊗⊕∅∩∪⊃⊇⊄⊂⊆∈∉∠∇®©™∏√⋅¬∧∨⇔⇐⇑⇒⇓◊〈®©™∑⎛⎜⎝⎡⎢⎣⎧⎨⎩⎪",
)
# What forms and arrows are drawn with.
_WINGDINGS = {0x4A: "☺", 0x4C: "☹", 0x6F: "☐", 0x70: "☐", 0x71: "☐", 0x72: "☐", 0x78: "☒", 0xA8: "☐", 0xFB: "✗",
              0xFC: "✓", 0xFD: "☒", 0xFE: "☑", 0xDF: "←", 0xE0: "→", 0xE1: "↑", 0xE2: "↓", 0xE7: "←", 0xE8: "→",
              0xE9: "↑", 0xEA: "↓", 0xF0: "⇨", 0x6C: "●", 0x6E: "■", 0xA7: "▪", 0x9F: "•", 0x76: "❖"}  # fmt: skip
_WINGDINGS_2 = {0x4F: "✗", 0x50: "✓", 0x51: "☒", 0x52: "☑", 0x53: "☒", 0x54: "☒", 0xA3: "☐", 0x2A: "☐"}
# Word puts codes of such fonts into the private area.
_PRIVATE = range(0xF000, 0xF100)


def symbol_character(font: str, code: int) -> str | None:
    """The character that a font of pictures draws for a code; None where that is not known."""
    # Files have either form of a code.
    code -= _PRIVATE.start if code in _PRIVATE else 0
    if font == "Symbol":
        # Between 0x7F and 0xA0 the encoding has nothing.
        text, first = (_SYMBOL[0], 0x20) if code < 0xA0 else (_SYMBOL[1], 0xA0)
        return text[code - first] if 0 <= code - first < len(text) else None
    if font in ("Wingdings", "Wingdings 2"):
        return (_WINGDINGS if font == "Wingdings" else _WINGDINGS_2).get(code)
    return None
