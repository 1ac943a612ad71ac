"""PDF -> text, page by page."""

from __future__ import annotations

import re
from typing import Any

from llmopt_core.documents import limits
from llmopt_core.documents.pdf_contents import find_damaged_pages, open_parts
from llmopt_core.documents.pdf_forms import read_form_text
from llmopt_core.documents.pdf_layout import join_words, page_text, picture_share, uncertain_characters
from llmopt_core.documents.progress import OnPart, ignore_parts
from llmopt_core.documents.text import Extraction, join_pages, normalise, numbers_in_words
from llmopt_core.errors import BadInput

_END = b"%%EOF"
# With the space that a line end behind one has become. A soft hyphen is drawn only where a line ends.
_HYPHENS = re.compile(r"[-\u00ad\u2010\u2011\ufffe] ?")
# Five of a hundred: single signs, such as bullets, are without a letter in many sound fonts.
_UNCERTAIN = 0.05
# A stamp or a page number on a scan.
_FEW_CHARACTERS, _MOSTLY = 120, 0.5


def read_pdf(name: str, data: bytes, on_part: OnPart = ignore_parts) -> Extraction:
    """The text layer of a PDF with the values of its form; pages begin at `page_starts`.

    Rows of tables have bars between their cells, and words that a line end divides are whole again. What cannot be
    read is told by page.

    Args:
        name: For messages.
        data: The whole file.
        on_part: Told after each page.

    Raises:
        BadInput: Not a PDF, cut off, encrypted, too many pages, or no page holds text.
    """
    # Printers and mail programs put something before it; readers allow for 1,024 bytes.
    if b"%PDF-" not in data[:1024]:
        raise BadInput(f"{name} is not a PDF: it does not begin with %PDF.")
    # Whatever a server or a disk put behind it: the mark is somewhere.
    whole = _END in data
    document = _open(name, data, whole)
    pages, faults = _page_texts(document, on_part)
    form_texts, form_warnings = read_form_text(data, pages)
    # Values of forms follow the text of their page.
    pages = [normalise("\n\n".join(filter(None, both))) for both in zip(pages, form_texts, strict=True)]
    silent_pages = [number for number, text in enumerate(pages, 1) if not text.strip()]
    # pdfium shows a damaged page as an empty one; pypdf tells the two apart.
    unreadable_pages, cut_pages = find_damaged_pages(data, silent_pages)
    lost_pages = {*faults.get(_UNREAD, ()), *unreadable_pages}
    if lost_pages:
        faults[_UNREAD] = sorted(lost_pages)
    if cut_pages:
        faults[_CUT] = cut_pages
    # Told by its cause, as each has another remedy.
    if len(silent_pages) == len(pages):
        if not whole:
            raise _cut_off(name)
        if len(lost_pages) == len(pages):
            raise BadInput(
                f"{name} is damaged: none of its pages can be read; open it in a viewer and export it again."
            )
        raise BadInput(
            f"{name} has no text on its {len(pages):,} page{'s' if len(pages) > 1 else ''}: it is probably scanned; "
            "run text recognition (OCR) first."
        )
    text, starts = join_pages(pages)
    # Damaged pages are told as such.
    silent_pages = [number for number in silent_pages if number not in lost_pages]
    warnings = [f"No text on page {numbers_in_words(silent_pages)}: blank or scanned."] if silent_pages else []
    warnings += [sentence.format(pages=numbers_in_words(numbers)) for sentence, numbers in faults.items()]
    warnings += [] if whole else ["The end mark of the PDF is missing: the file may be cut off; look at its last page."]
    return Extraction(text, starts, (*warnings, *form_warnings), {"pages": len(pages)})


def _open(name: str, data: bytes, whole: bool) -> Any:
    from pypdfium2 import PdfDocument, PdfiumError

    try:
        document = PdfDocument(data)
        count = len(document)
    except PdfiumError as error:
        # pdfium tells of a password in words alone.
        if "password" in str(error).lower():
            raise BadInput(f"{name} is encrypted with a password: save a copy without one.") from error
        if not whole:
            raise _cut_off(name) from error
        if _is_empty(data):
            raise BadInput(f"{name} has no pages.") from error
        reason = str(error).strip(".")
        raise BadInput(f"{name} is a damaged PDF ({reason}): open it in a viewer and export it again.") from error
    # Ten thousand pages are read for minutes: told at once, before any is read.
    if count > limits.PDF_PAGES:
        raise BadInput(f"{name} has {count:,} pages, more than {limits.PDF_PAGES:,}: split it.")
    return document


def _is_empty(data: bytes) -> bool:
    """Whether a PDF is whole and has no pages, which pdfium takes for damage."""
    try:
        return not open_parts(data).pages
    except Exception:  # a damaged file can break pypdf in any way
        return False


def _page_texts(document: Any, on_part: OnPart) -> tuple[list[str], dict[str, list[int]]]:
    """Text of each page, and the pages of each fault."""
    from pypdfium2 import PdfiumError

    texts: list[str] = []
    names: list[str] = []
    faults: dict[str, list[int]] = {}
    count = len(document)
    for number in range(1, count + 1):
        try:
            page = document[number - 1]
            words = page.get_textpage()
            # Names of columns go from page to page, so that a table that goes on keeps them.
            texts.append(page_text(words, page, names))
            if uncertain_characters(words) > _UNCERTAIN:
                faults.setdefault(_NO_MAP, []).append(number)
            # A scan with a page number on it would pass for a page that has been read.
            if len(texts[-1].strip()) < _FEW_CHARACTERS and texts[-1].strip() and picture_share(page) > _MOSTLY:
                faults.setdefault(_PICTURE, []).append(number)
            # Closed page by page: pdfium keeps what it has opened.
            words.close()
            page.close()
        except PdfiumError:
            # The page is empty, and its number stays true for all that follow.
            texts.append("")
            faults.setdefault(_UNREAD, []).append(number)
        on_part(number, count, "page")
    # Five levels: below them are exercises and figures. A damaged file can let them go round in circles.
    titles = [title for item in document.get_toc(max_depth=5) if (title := " ".join(item.get_title().split()))]
    whole = _whole_words(texts)
    # White space aside, since a title may be broken over lines in the text; with words divided at a line end in one
    # piece, as titles have them, and hyphens aside, since one may stand there in either.
    flat = _without_hyphens(" ".join(" ".join(whole).split()))
    missing = sum(_without_hyphens(title) not in flat for title in titles)
    if missing:
        faults[_BOOKMARKS[missing > 1].format(count=missing)] = []
    if attachments := document.count_attachments():
        faults[_ATTACHMENT_NOTES[attachments > 1].format(count=attachments)] = []
    return whole, faults


def _without_hyphens(text: str) -> str:
    return _HYPHENS.sub("", text)


def _whole_words(texts: list[str]) -> list[str]:
    """All pages at once, since how a word is written may be seen on another one."""
    # A form feed parts the pages: it stands in no word, and page numbers stay what they are.
    return join_words("\f".join(text.replace("\f", " ") for text in texts)).split("\f")


def _cut_off(name: str) -> BadInput:
    return BadInput(f"{name} is cut off: the end mark of a PDF is missing; download or export it again.")


_NO_MAP = (
    "Fonts on page {pages} do not say which letters they draw, and the text may be wrong: "
    "run text recognition (OCR) on it."
)
_PICTURE = "Page {pages} is mostly a picture, and what it shows was not read: run text recognition (OCR) on it."
_UNREAD = "Page {pages} is damaged and was not read."
_CUT = "Page {pages} is damaged, and only a part of it was read."
_BOOKMARKS = (
    "{count:,} title of a bookmark, which stands in no page, was left out.",
    "{count:,} titles of bookmarks, which stand in no page, were left out.",
)
_ATTACHMENT_NOTES = ("{count:,} attached file was not read.", "{count:,} attached files were not read.")
