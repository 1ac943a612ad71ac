"""Our readers of Word files and web pages against mammoth and trafilatura, over folders of real files.

Both are installed beside the project, never with it: `pip install --target DIR mammoth trafilatura`, and
`PYTHONPATH=DIR`. Words are counted with their repetitions. Of a DOCX the container itself says what there is (words of
its XML that are neither deleted nor hidden, notes and text boxes with them); of a page the main text is a file of the
same name in a folder `txt` beside its own, or else what its `<main>` or `role="main"` holds, and the rest of what a
reader of the page sees is boilerplate.

    python benchmarks/documents.py [--docx FOLDER ...] [--html FOLDER ...] [--most 300]
"""

from __future__ import annotations

import argparse
import io
import random
import re
import sys
import time
import zipfile
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from difflib import SequenceMatcher
from itertools import chain
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from llmopt_core.documents.web import read_html  # noqa: E402
from llmopt_core.documents.word import read_docx  # noqa: E402

# A word of a script without spaces is none: single characters are compared there.
_UNIT = re.compile(r"[\u0e00-\u109f\u3040-\u9fff\uac00-\ud7af]|[^\W_\u0e00-\u109f\u3040-\u9fff\uac00-\ud7af]+")
_NOTES = ("word/footnotes.xml", "word/endnotes.xml")
Read = Callable[[bytes], str]


def words(text: str) -> list[str]:
    return [word.lower() for word in _UNIT.findall(text)]


def ours(data: bytes) -> str:
    return read_docx("file.docx", data).text


def by_mammoth(data: bytes) -> str:
    import mammoth

    page = mammoth.convert_to_html(io.BytesIO(data)).value
    return read_html("file.html", f"<html><body>{page}</body></html>".encode(), "utf-8").text


def held_words(data: bytes) -> list[str]:
    """Words of the container in its order: body, then notes."""
    from lxml import etree

    matches: list[str] = []
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        for part in ("word/document.xml", *_NOTES):
            if part in archive.namelist():
                root = etree.fromstring(archive.read(part))
                matches += words("".join(_texts(root)))
    return matches


def _texts(element: Any) -> Iterator[str]:
    for item in element:
        tag = item.tag.rsplit("}", 1)[-1] if isinstance(item.tag, str) else ""
        if tag in ("t", "delText"):
            yield (item.text or "") if tag == "t" else ""
        elif tag in ("tab", "br", "cr"):
            yield " "
        elif tag not in ("del", "moveFrom", "Fallback", "") and not _hidden(item):
            yield from _texts(item)
            yield " " if tag in ("p", "tc") else ""


def _hidden(run: Any) -> bool:
    return any(item.tag.endswith("}vanish") for properties in run if str(properties.tag).endswith("}rPr")
               for item in properties if isinstance(item.tag, str))  # fmt: skip


def headings_and_rows(data: bytes) -> tuple[list[str], list[list[str]]]:
    """What python-docx, a third reader, takes for headings and for rows of tables."""
    import docx

    document = docx.Document(io.BytesIO(data))
    headings = []
    for paragraph in document.paragraphs:
        style, names = paragraph.style, []
        while style is not None:
            names.append(style.name or "")
            style = style.base_style
        if paragraph.text.strip() and any(name.lower().startswith("heading ") for name in names):
            headings.append(paragraph.text)
    rows = [[cell.text for cell in row.cells] for table in document.tables for row in table.rows]
    return headings, [row for row in rows if sum(bool(text.strip()) for text in row) > 1]


def compare_docx(folders: list[Path], most: int) -> None:
    totals: dict[str, Counter[str]] = defaultdict(Counter)
    seconds: Counter[str] = Counter()
    files = _sample(folders, (".docx",), most)
    for path in files:
        data = path.read_bytes()
        try:
            held, (headings, rows) = held_words(data), headings_and_rows(data)
        except Exception:  # the third reader refuses: only the words of the others can be compared
            held, headings, rows = _held_or_none(data), [], []
        for name, read in (("ours", ours), ("mammoth", by_mammoth)):
            started = time.process_time()
            try:
                text = read(data)
            except Exception as error:
                text = ""
                if held:
                    totals[name]["refused"] += 1
                    print(f"{name} refuses {path.name}: {str(error)[:90]}")
            seconds[name] += time.process_time() - started  # type: ignore[assignment]
            totals[name].update(_found(held, headings, rows, text))
            lost = Counter(held) - Counter(words(text))
            if text and lost:
                print(f"{name} misses in {path.name}: {' '.join(list(lost.elements())[:8])}")
    print(f"{len(files)} Word files")
    for name, total in totals.items():
        shares = ", ".join(
            f"{kind} {total[kind] / max(1, total[kind + ' held']):.4f} of {total[kind + ' held']:,}"
            for kind in ("words", "words in order", "headings", "rows of tables")
        )
        print(
            f"{name}: {shares}; refused {total['refused']}; {seconds[name] / seconds['ours']:.2f} x the processor time"
        )


def _held_or_none(data: bytes) -> list[str]:
    try:
        return held_words(data)
    except Exception:
        return []


def _found(held: list[str], headings: list[str], rows: list[list[str]], text: str) -> Counter[str]:
    taken = words(text)
    blocks = SequenceMatcher(None, held, taken, autojunk=False).get_matching_blocks()
    lines = [words(line) for line in text.split("\n") if line.strip()]
    marked = {tuple(words(line)) for line in text.split("\n") if line.startswith("#")}
    told = [tuple(words(heading)) for heading in headings]
    return Counter({
        "words": sum((Counter(held) & Counter(taken)).values()), "words held": len(held),
        "words in order": sum(block.size for block in blocks), "words in order held": len(held),
        "headings": sum(any(_ends_with(line, heading) for line in marked) for heading in told),
        "headings held": len(told),
        "rows of tables": sum(_together(row, lines) for row in rows), "rows of tables held": len(rows),
    })  # fmt: skip


def _ends_with(line: tuple[str, ...], heading: tuple[str, ...]) -> bool:
    return line[len(line) - len(heading) :] == heading


def _together(row: list[str], lines: list[list[str]]) -> bool:
    """Whether the words of a row stand on one line, or on lines that follow each other as `column: value`."""
    wanted = Counter(words(" ".join(row)))
    near = range(1, len(row) + 1)
    return any(not wanted - Counter(chain(*lines[at : at + size])) for at in range(len(lines)) for size in near)


def main_text(path: Path, data: bytes) -> str | None:
    from lxml import html

    beside = path.parent.parent / "txt" / f"{path.stem}.txt"
    if beside.is_file():
        return beside.read_text("utf-8", "replace")
    mains = html.fromstring(data).xpath("//main | //*[@role='main']")
    if len({id(main) for main in mains}) != 1:
        return None
    return read_html("main.html", html.tostring(mains[0], encoding="utf-8"), "utf-8").text


def main_only(data: bytes) -> str:
    return read_html("page.html", data, main_only=True).text


def landmarks_alone(data: bytes) -> str:
    """The same without the help of `main`, which is what a page of a documentation is measured by here."""
    from lxml import html

    root = html.fromstring(data)
    for part in root.xpath("//main | //*[@role='main']"):
        part.tag = "div"
        part.attrib.pop("role", None)
    return main_only(html.tostring(root, encoding="utf-8"))


def by_trafilatura(**options: bool) -> Read:
    def read(data: bytes) -> str:
        import trafilatura

        return trafilatura.extract(data, include_tables=True, include_comments=False, **options) or ""

    return read


def compare_html(folders: list[Path], most: int) -> None:
    readers: dict[str, Read] = {
        "main_only": main_only,
        "main_only, `main` unmarked": landmarks_alone,
        "trafilatura": by_trafilatura(),
        "trafilatura, favor_recall": by_trafilatura(favor_recall=True),
    }
    totals: dict[str, Counter[str]] = defaultdict(Counter)
    seconds: Counter[str] = Counter()
    pages = 0
    for path in _sample(folders, (".html", ".htm"), most):
        data = path.read_bytes()
        try:
            main, whole = main_text(path, data), read_html(path.name, data).text
        except Exception:
            continue
        if main is None or not main.strip():
            continue
        pages += 1
        held, seen = Counter(words(main)), Counter(words(whole))
        around = seen - held
        # Words that the page shows at all: a file beside it may have more.
        held &= seen
        for name, read in readers.items():
            started = time.process_time()
            taken = Counter(words(read(data)))
            seconds[name] += time.process_time() - started  # type: ignore[assignment]
            kept = sum((held & taken).values())
            totals[name].update({
                "held": held.total(), "kept": kept, "around": around.total(),
                "dropped": (around - (taken - held)).total(),
                "half lost": int(kept < 0.5 * held.total()), "tenth lost": int(kept < 0.9 * held.total()),
            })  # fmt: skip
    print(f"{pages} pages")
    for name, total in totals.items():
        print(
            f"{name}: main text kept {total['kept'] / max(1, total['held']):.4f} of {total['held']:,} words, "
            f"boilerplate dropped {total['dropped'] / max(1, total['around']):.4f} of {total['around']:,}; "
            f"pages that lose a tenth {total['tenth lost']}, half {total['half lost']}; "
            f"{seconds[name] / max(1e-9, seconds['main_only']):.2f} x the processor time of the first"
        )


def _sample(folders: list[Path], endings: tuple[str, ...], most: int) -> list[Path]:
    matches = [path for folder in folders for path in sorted(folder.rglob("*"))
             if path.suffix.lower() in endings and path.is_file()]  # fmt: skip
    return matches if len(matches) <= most else sorted(random.Random(1).sample(matches, most))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--docx", type=Path, nargs="*", default=[])
    parser.add_argument("--html", type=Path, nargs="*", default=[])
    parser.add_argument("--most", type=int, default=300, help="files of a kind, drawn by a fixed seed")
    args = parser.parse_args()
    if args.docx:
        compare_docx(args.docx, args.most)
    if args.html:
        compare_html(args.html, args.most)
    return 0


if __name__ == "__main__":
    sys.exit(main())
