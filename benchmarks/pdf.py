"""Our reader of PDF against pdfium bare, pypdf and pdfminer, over texts and tables that several producers print.

The producers and pdfminer are installed beside the project, never with it: `pip install --target DIR typst fpdf2
pdfminer.six`, and `PYTHONPATH=DIR`; Chromium prints too where it is installed. Texts are files whose paragraphs are
parted by empty lines, tables those of a file of TAT-QA. Each text is printed in one column and, hyphenated where the
producer can, in two; each table with and without lines. With `--pdf` other files are read that have a `.txt` or a
`.html` of the same name beside them. Words are counted with their repetitions, in order by the longest blocks in
common.

    python benchmarks/pdf.py [--texts FOLDER ...] [--tables FILE] [--pdf FOLDER ...] [--most 6] [--keep FOLDER]
"""

from __future__ import annotations

import argparse
import html
import io
import json
import subprocess
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from difflib import SequenceMatcher
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.documents import words  # noqa: E402
from llmopt_core.documents.pdf import read_pdf  # noqa: E402
from llmopt_core.documents.web import read_html  # noqa: E402

Rows = list[list[str]]
_FONT = "/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf"


class Case(NamedTuple):
    """A printed file, with the words or the rows that it holds."""

    group: str
    name: str
    data: bytes
    text: str = ""
    rows: Rows = []  # noqa: RUF012


def ours(data: bytes) -> str:
    return read_pdf("file.pdf", data).text


def by_pdfium(data: bytes) -> str:
    from pypdfium2 import PdfDocument

    return "\n".join(page.get_textpage().get_text_range() for page in PdfDocument(data))


def by_pypdf(**options: Any) -> Callable[[bytes], str]:
    def read(data: bytes) -> str:
        from pypdf import PdfReader

        return "\n".join(page.extract_text(**options) for page in PdfReader(io.BytesIO(data)).pages)

    return read


def by_pdfminer(data: bytes) -> str:
    from pdfminer.high_level import extract_text

    return extract_text(io.BytesIO(data))


READERS: dict[str, Callable[[bytes], str]] = {
    "ours": ours,
    "pdfium, bare": by_pdfium,
    "pypdf": by_pypdf(),
    "pypdf, layout": by_pypdf(extraction_mode="layout"),
    "pdfminer": by_pdfminer,
}


def print_reportlab(paragraphs: list[str], columns: int, rows: Rows, lined: bool) -> bytes:
    from reportlab.lib.pagesizes import A4
    from reportlab.lib.styles import ParagraphStyle
    from reportlab.pdfbase import pdfmetrics
    from reportlab.pdfbase.cidfonts import UnicodeCIDFont
    from reportlab.platypus import BaseDocTemplate, Frame, PageTemplate, Paragraph, Table

    pdfmetrics.registerFont(UnicodeCIDFont("STSong-Light"))
    chinese = not "".join(paragraphs)[:200].isascii() and "\u4e00" <= max("".join(paragraphs)[:200]) <= "\uffff"
    style = ParagraphStyle("p", fontName="STSong-Light" if chinese else "Helvetica", spaceAfter=8, alignment=4,
                           wordWrap="CJK" if chinese else None)  # fmt: skip
    width = (A4[0] - 72 - 18 * (columns - 1)) / columns
    frames = [Frame(36 + i * (width + 18), 36, width, A4[1] - 72) for i in range(columns)]
    out = io.BytesIO()
    template = BaseDocTemplate(out, pagesize=A4)
    template.addPageTemplates([PageTemplate(frames=frames)])
    grid = [("GRID", (0, 0), (-1, -1), 0.5, "black")] if lined else []
    template.build(
        [Paragraph(html.escape(text), style) for text in paragraphs]
        + ([Table([[Paragraph(html.escape(cell), style) for cell in row] for row in rows], style=grid)] if rows else [])
    )
    return out.getvalue()


def print_chromium(paragraphs: list[str], columns: int, rows: Rows, lined: bool) -> bytes:
    line = "td{border:1px solid}" if lined else ""
    body = "".join(f"<p>{html.escape(text)}</p>" for text in paragraphs)
    body += "<table>" + "".join(
        "<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in row) + "</tr>" for row in rows
    )
    page = f"<meta charset=utf-8><style>body{{columns:{columns};text-align:justify}}td{{padding:2px 8px}}{line}</style>"
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder, "a.html"), Path(folder, "a.pdf")
        source.write_text(page + body, "utf-8")
        command = ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--no-pdf-header-footer",
                   f"--user-data-dir={folder}/profile", f"--print-to-pdf={target}", source.as_uri()]  # fmt: skip
        subprocess.run(command, check=True, capture_output=True, timeout=120)
        return target.read_bytes()


def print_typst(paragraphs: list[str], columns: int, rows: Rows, lined: bool) -> bytes:
    import typst

    head = f'#set page(columns: {columns})\n#set par(justify: true)\n#set text(hyphenate: true, lang: "en")\n'
    body = "\n\n".join(f"#{json.dumps(text, ensure_ascii=False)}" for text in paragraphs)
    if rows:
        cells = ", ".join(f"[#{json.dumps(cell, ensure_ascii=False)}]" for row in rows for cell in row)
        body += f"\n\n#table(columns: {len(rows[0])}, stroke: {'1pt' if lined else 'none'}, {cells})"
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder, "a.typ")
        source.write_text(head + body, "utf-8")
        return typst.compile(str(source))


def print_fpdf(paragraphs: list[str], columns: int, rows: Rows, lined: bool) -> bytes:
    from fpdf import FPDF

    document = FPDF()
    document.add_page()
    document.add_font("dejavu", fname=_FONT)
    document.set_font("dejavu", size=10)
    if paragraphs:
        with document.text_columns(ncols=columns, gutter=8, text_align="JUSTIFY") as area:
            for text in paragraphs:
                with area.paragraph(bottom_margin=4) as paragraph:
                    paragraph.write(text)
    if rows:
        with document.table(borders_layout="ALL" if lined else "NONE", first_row_as_headings=False) as table:
            for row in rows:
                table.row(row)
    return bytes(document.output())


PRINTERS = {
    "reportlab": print_reportlab,
    "Chromium": print_chromium,
    "typst": print_typst,
    "fpdf2": print_fpdf,
}


def printed(texts: list[Path], tables: list[Rows]) -> Iterator[Case]:
    for name, give in PRINTERS.items():
        for path in texts:
            text = path.read_text("utf-8")
            paragraphs = [part for part in text.split("\n\n") if part.strip()]
            if name != "fpdf2" or all(ord(letter) < 0x2E80 for letter in text):
                for columns in (1, 2):
                    group = f"{path.parent.parent.name} text, {columns} column{'s' if columns > 1 else ''}"
                    yield Case(group, f"{name}-{path.stem}-{columns}", give(paragraphs, columns, [], False), text)
        for number, rows in enumerate(tables):
            for lined in (True, False):
                text = " ".join(cell for row in rows for cell in row)
                group = f"tables {'with' if lined else 'without'} lines"
                yield Case(group, f"{name}-t{number}-{lined}", give([], 1, rows, lined), text, rows)


def beside(folders: list[Path]) -> Iterator[Case]:
    """PDFs with their text or page beside them."""
    for path in (path for folder in folders for path in sorted(folder.rglob("*.pdf"))):
        page = path.with_suffix(".html")
        if path.with_suffix(".txt").is_file():
            yield Case(
                "real files", path.stem, path.read_bytes(), path.with_suffix(".txt").read_text("utf-8", "replace")
            )
        elif page.is_file():
            yield Case("real files", path.stem, path.read_bytes(), read_html(page.name, page.read_bytes()).text)


def tatqa(path: Path, most: int) -> list[Rows]:
    tables = [item["table"]["table"] for item in json.loads(path.read_text("utf-8"))]
    fit = [rows for rows in tables if 4 <= len(rows) <= 20 and 3 <= len(rows[0]) <= 5]
    return fit[:: max(1, len(fit) // most)][:most]


def found(case: Case, text: str) -> Counter[str]:
    held, taken = words(case.text), words(text)
    blocks = SequenceMatcher(None, held, taken, autojunk=False).get_matching_blocks()
    lines = [Counter(words(line)) for line in text.split("\n") if line.strip()]
    wanted = [Counter(words(" ".join(row))) for row in case.rows if sum(map(bool, row)) > 1]
    return Counter({
        "held": len(held), "kept": sum((Counter(held) & Counter(taken)).values()),
        "in order": sum(block.size for block in blocks), "rows": len(wanted),
        "whole rows": sum(any(not row - line for line in lines) for row in wanted),
        "taken": len(taken), "files": 1,
    })  # fmt: skip


def measure(cases: Iterator[Case], keep: Path | None) -> None:
    totals: dict[str, dict[str, Counter[str]]] = defaultdict(lambda: defaultdict(Counter))
    seconds: Counter[str] = Counter()
    for case in cases:
        if keep is not None:
            keep.mkdir(parents=True, exist_ok=True)
            (keep / f"{case.name}.pdf").write_bytes(case.data)
        for name, read in READERS.items():
            started = time.process_time()
            text = ""
            try:
                text = read(case.data)
            except Exception as error:
                print(f"{name} refuses {case.name}: {str(error)[:90]}")
                totals[case.group][name]["refused"] += 1
            seconds[name] += time.process_time() - started  # type: ignore[assignment]
            totals[case.group][name].update(found(case, text))
    for group, readers in totals.items():
        print(f"\n{group}: {readers['ours']['files']} files, {readers['ours']['held']:,} words")
        for name, total in readers.items():
            whole = (
                f", whole rows {total['whole rows'] / total['rows']:.3f} of {total['rows']}" if total["rows"] else ""
            )
            print(
                f"  {name}: words {total['kept'] / total['held']:.4f}, "
                f"in order {total['in order'] / total['held']:.4f}, "
                f"of its words in the text {total['kept'] / max(1, total['taken']):.4f}{whole}, "
                f"refused {total['refused']}"
            )
    print("\nprocessor time: " + ", ".join(f"{name} {time / seconds['ours']:.2f} x" for name, time in seconds.items()))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--texts", type=Path, nargs="*", default=[])
    parser.add_argument("--tables", type=Path)
    parser.add_argument("--pdf", type=Path, nargs="*", default=[])
    parser.add_argument("--most", type=int, default=6, help="texts of a folder, and tables")
    parser.add_argument("--keep", type=Path, help="where the printed files are put")
    args = parser.parse_args()
    texts = [path for folder in args.texts for path in sorted(folder.glob("*.txt"))[: args.most]]
    tables = tatqa(args.tables, args.most) if args.tables else []
    measure(chain(printed(texts, tables), beside(args.pdf)), args.keep)
    return 0


if __name__ == "__main__":
    sys.exit(main())
