"""Texts that break chunkers, and a source of random ones."""

from __future__ import annotations

from hypothesis import strategies as st

PARTS = [
    "a", "Word", "don't", "antidisestablishmentarianism", "x" * 40, "1234", "3.14", "Dr. ", "e.g. ", "A.",
    " ", "  ", "\n", "\n\n", "\n\n\n", "\r\n", "\r", "\t", "\x0c", "\xa0", "\u3000", "\u2028", "\x1c", "\x85", "\0",
    ". ", "! ", "? ", "...", "。", "！", "？", "，", "”", ")", "- ", "# Head\n", "\n## Sub\n", "```\n", "===\n",
    "é", "e\u0301", "\u0301", "👩‍👩‍👧", "🇫🇷", "\ufe0f", "中文", "한국어", "日本語",
    "שלום", "\u202e", "\u200f", "عربي", "ﬁ", "\ufffd",
]  # fmt: skip
HARD_TEXTS = st.one_of(
    st.lists(st.sampled_from(PARTS), max_size=120).map("".join),
    st.text(max_size=200),
)
EXAMPLES = {
    "emoji": "👩‍👩‍👧 family. 🇫🇷 flag! " * 30,
    "combining": "e\u0301te\u0301 a\u0308\u0323 " * 60,
    "right to left": "שלום עולם. \u202eعربي نص طويل؟ " * 40,
    "nul": "before\0after. " * 50,
    "crlf": "One line.\r\nAnother line.\r\n\r\nA paragraph. " * 30,
    "one line": "word " * 400,
    "no spaces": "x" * 3000,
    "chinese": "华沙的第一家证券交易所成立于1817年，一直营业到第二次世界大战。它是最大的市场！" * 20,
    "spaces": " \n\t " * 100,
    "no tokens": "\0\u200b",
    "empty": "",
}
