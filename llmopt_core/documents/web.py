"""HTML -> text with Markdown headings."""

from __future__ import annotations

import re
from typing import Any

from llmopt_core.documents.encoding import decode
from llmopt_core.documents.tables import rows_with_names
from llmopt_core.documents.text import Extraction, normalise, normalise_file, plain_lines
from llmopt_core.documents.web_flaws import as_one_page, find_unclosed_words
from llmopt_core.documents.web_lists import list_marks, mark_of
from llmopt_core.documents.web_main import keep_main
from llmopt_core.documents.web_replacements import omission_words, replace_with_text
from llmopt_core.documents.web_tables import is_layout, spread_cells
from llmopt_core.errors import BadInput

_BLOCK_TAGS = (
    "address article aside blockquote body caption dd details dialog div dl dt fieldset figcaption figure footer form "
    "header hr html legend li main nav ol p pre section summary table tbody tfoot thead tr ul h1 h2 h3 h4 h5 h6"
)
# What is no text, wherever it stands.
_SILENT_TAGS = frozenset(("script", "style", "head"))
_BLOCKS = frozenset(_BLOCK_TAGS.split())
_HEADINGS = ("h1", "h2", "h3", "h4", "h5", "h6")
_CELLS = ("td", "th")
_TABLE_PARTS = ("table", "thead", "tbody", "tfoot", "tr")
_LINES = ("li", "tr", "dd", "dt", "br", "thead", "tbody", "tfoot")
# A heading is one line, whatever its words stand in.
_IN_HEADINGS = ("br", "div", "p", "header", "hr")
# What HTML takes for white space; a no-break space is none, and keeps numbers with their units.
_SPACE = re.compile(r"[ \t\n\f]+")
# Nobody sees them; but in scripts without spaces a zero-width space is the only border of a word.
_INVISIBLE = re.compile("\u00ad|\u2060|\ufeff|(?<![\u0e00-\u109f\u1780-\u17ff])\u200b(?![\u0e00-\u109f\u1780-\u17ff])")
_BLANK_LINES = re.compile(r"\n{3,}")  # two empty lines say no more than one


def read_html(name: str, data: bytes, encoding: str = "", *, main_only: bool = False) -> Extraction:
    """What a reader of the page sees: `h1` to `h6` as `#` lines, list items as `- `, table rows with bars.

    Buttons, closed accordions, formulas, words in drawings and descriptions of pictures are read. Scripts and styles
    are left out, and so is what the page hides, embeds or fills into its forms, which a warning says. The page's title
    becomes a heading where there is no `h1`.

    Args:
        name: For messages.
        data: The whole file.
        encoding: As the user names it; empty to find it out.
        main_only: Whether menus, headers and footers around the main text are left out, which a warning counts.

    Raises:
        BadInput: Not text.
    """
    text, warnings = decode(data, name, encoding, page=True)
    text, more = normalise_file(text, name)
    body, losses = _render(text, name, main_only=main_only)
    if losses:
        more += (f"Left out: {', '.join(losses)}.",)
    return Extraction(normalise(body), (), warnings + more)


def _render(text: str, name: str, *, main_only: bool) -> tuple[str, list[str]]:
    """The text of a page, and what was left out of it."""
    from lxml import etree, html

    if not text.strip():
        return "", []
    # Told from the text, as the parser takes all that follows for a comment.
    unread_notes = find_unclosed_words(text)
    text = as_one_page(text)
    # `huge_tree`: without it libxml2 stops at 10 MB of text, and keeps what it has without an error.
    parser = html.HTMLParser(encoding="utf-8", remove_comments=True, remove_pis=True, huge_tree=True)
    try:
        root = html.document_fromstring(text.encode("utf-8"), parser=parser)
    except (etree.ParserError, etree.XMLSyntaxError):
        # A page of comments or of nothing.
        return "", []
    except (ValueError, AssertionError) as error:
        raise BadInput(f"{name} cannot be read as HTML ({error}).") from error
    # The parser notes that it stopped, and goes on as if nothing had been.
    _check_whole(parser.error_log, name)
    # Before anything is changed: the title may be inside what is taken away.
    title = " ".join((root.findtext(".//head/title") or "").split())
    # Menus first: what is replaced in them would be counted as left out.
    around = keep_main(root) if main_only else 0
    # Before cells are spread: a copy of a cell holds what was put into it.
    counts = replace_with_text(root)
    spread_cells(root)
    writer = _Writer(root)
    writer.walk(root)
    body = _BLANK_LINES.sub("\n\n", _INVISIBLE.sub("", "".join(writer.parts))).strip()
    # A page that has a heading of the first level has said what it is called.
    has_heading = re.search(r"^# ", body, re.MULTILINE)
    count = writer.hidden_count
    hidden_notes = [f"{count:,} hidden part{'s' if count > 1 else ''} of the page"] if count else []
    around_notes = [f"{around:,} word{'s' if around > 1 else ''} around the main text, as asked"] if around else []
    omissions = around_notes + hidden_notes + omission_words(counts) + unread_notes
    return f"# {title}\n\n{body}" if title and body and not has_heading else body, omissions


def _check_whole(errors: Any, name: str) -> None:
    """Where it reaches a limit of its own, the parser keeps what it has and only notes that it stopped."""
    from lxml import etree

    kinds = {entry.type for entry in errors}
    if etree.ErrorTypes.ERR_NO_MEMORY in kinds:
        raise MemoryError
    if etree.ErrorTypes.ERR_RESOURCE_LIMIT in kinds:
        raise BadInput(
            f"{name} is nested too deeply, or has a name or text too long to be HTML: save it as plain text."
        )


class _Mark(str):
    """What begins a line: nothing may come between it and its words."""

    __slots__ = ()


class _Writer:
    """Collects the text of a tree without recursion, so that deep nesting is safe."""

    def __init__(self, root: Any) -> None:
        self.parts: list[str] = []
        self.hidden_count = 0
        self._pre_starts: list[int] = []
        self._cells = 0
        self._headings = 0
        self._outer_cells: list[int] = []
        self._table_starts: list[int] = []
        self._marks = list_marks(root)
        self._layout = {table for table in root.iter("table") if is_layout(table)}
        self._placing: list[bool] = []
        # What a button opens is there to be read.
        self._targets = {
            name for element in root.iter() for name in (element.get("aria-controls") or "").split()
        }  # fmt: skip

    def walk(self, root: Any) -> None:
        from lxml import etree

        # Start and end of each element, without recursion: a page may be nested by the thousand.
        walker = etree.iterwalk(root, events=("start", "end"))
        for event, element in walker:
            if event == "start":
                if self._is_skipped(element):
                    if isinstance(element.tag, str) and element.tag not in _SILENT_TAGS:
                        # Counted where there was something to be read.
                        self.hidden_count += any(text.strip() for text in element.itertext())
                    walker.skip_subtree()
                else:
                    self._open(element)
            else:
                if not self._is_skipped(element):
                    self._close(element)
                # Text behind an element belongs to what is around it, also where the element is skipped.
                self._text(element.tail)

    def _is_skipped(self, element: Any) -> bool:
        if not isinstance(element.tag, str):
            return True
        return element.tag in _SILENT_TAGS or self._is_hidden(element)

    def _is_hidden(self, element: Any) -> bool:
        # `until-found` is there for who searches in the page.
        if "hidden" not in element.attrib or element.get("hidden", "").lower() == "until-found":
            return False
        # What is opened by a button, or is a tab beside others, is read: a reader gets there with a click.
        return element.get("id") not in self._targets and element.get("role") != "tabpanel"

    def _open(self, element: Any) -> None:
        tag = element.tag
        if tag == "table":
            self._placing.append(element in self._layout)
            self._border(tag)
            self._table_starts.append(len(self.parts))
            # A table in a cell begins with cells of its own.
            self._outer_cells.append(self._cells)
            self._cells = 0
        elif tag in _CELLS and not self._places():
            # A bar stands between two cells, and none before the first.
            self._cells += 1
            if self._cells > 1 and self.parts:
                self.parts[-1] = self.parts[-1].rstrip(" ")
                self.parts.append(" | ")
        elif tag in _CELLS or tag == "br" or tag in _BLOCKS:
            self._border(tag)
        if tag == "tr":
            self._cells = 0
        elif tag == "li":
            self.parts.append(_Mark(mark_of(element, self._marks)))
        elif tag in _HEADINGS:
            self._headings += 1
            # A mark, so that nothing comes between it and the words.
            self.parts.append(_Mark("#" * int(tag[1]) + " "))
        elif tag == "pre":
            self._pre_starts.append(len(self.parts))
        self._text(element.text)

    def _close(self, element: Any) -> None:
        tag = element.tag
        if tag == "pre" and self._pre_starts:
            self._fence(self._pre_starts.pop())
        self._headings -= tag in _HEADINGS
        if tag in _HEADINGS and (blank := self._blank_end()):
            # An empty one names nothing, least of all what comes next.
            del self.parts[-blank:]
        elif tag in _BLOCKS or (tag in _CELLS and self._places()):
            self._border(tag)
        if tag == "tr":
            self._cells = 0
        elif tag == "table" and self._placing:
            start = self._table_starts.pop()
            # Tables that place things have no columns to name.
            if not self._placing.pop():
                self._name_rows(start)
            self._cells = self._outer_cells.pop()

    def _blank_end(self) -> int:
        """How many parts have come since the last mark, with it, where none of them shows anything; else 0."""
        # From the end backwards, only as far as something shows.
        for number, part in enumerate(reversed(self.parts), 1):
            if isinstance(part, _Mark):
                return number
            if _INVISIBLE.sub("", part).strip():
                return 0
        return 0

    def _name_rows(self, start: int) -> None:
        """A long table gets its column names in each row; what stands above its rows, such as a caption, stays."""
        # The last block without an empty line are the rows; before it may stand a caption.
        before, gap, rows = "".join(self.parts[start:]).rstrip().rpartition("\n\n")
        table = rows_with_names(rows.split("\n"))
        # Inside of code a table stays as it was written.
        if table != rows and not self._pre_starts:
            self.parts[start:] = [f"{before}{gap}{table}\n\n"]

    def _places(self) -> bool:
        return bool(self._placing) and self._placing[-1]

    def _fence(self, start: int) -> None:
        """Code whose lines would be taken for headings goes between fences."""
        code = "".join(self.parts[start:])
        # In a cell there is no room for a fence, and code without such lines needs none.
        if self._cells or self._pre_starts or plain_lines(code) == code:
            return
        # Longer than any run of backticks in the code, as Markdown asks.
        fence = "`" * max(3, 1 + max(map(len, re.findall("`+", code)), default=0))
        code = code.strip("\n")
        self.parts[start:] = [f"{fence}\n{code}\n{fence}"]

    def _text(self, text: str | None) -> None:
        if not text:
            return
        if not self._pre_starts:
            text = _SPACE.sub(" ", text)
            # White space at the beginning of a line, or after other white space, shows nothing.
            if not self.parts or self.parts[-1].endswith(("\n", " ")):
                text = text.lstrip(" ")
            # A line that begins like a heading is none, if no heading began it.
            if not self.parts or self.parts[-1].endswith("\n"):
                text = plain_lines(text)
        if text:
            self.parts.append(text)

    def _border(self, tag: str) -> None:
        """A paragraph ends or begins: a blank line, in lists and rows a new line, inside a table cell a space."""
        # A heading is one line, and a cell stays on the line of its row.
        if (self._cells and tag not in _TABLE_PARTS) or (self._headings and tag in _IN_HEADINGS):
            self._text(" ")
        elif self.parts and not isinstance(self.parts[-1], _Mark):
            # Behind a mark no line may end: the words of an item often stand in a paragraph.
            self._break(1 if tag in _LINES else 2)

    def _break(self, lines: int) -> None:
        # Spaces that stood before a line end.
        while self.parts and not self.parts[-1].strip(" "):
            self.parts.pop()
        if self.parts:
            last = self.parts[-1] = self.parts[-1].rstrip(" ")
            # Only as many line breaks as are missing.
            missing = lines - (len(last) - len(last.rstrip("\n")))
            if missing > 0:
                self.parts.append("\n" * missing)
