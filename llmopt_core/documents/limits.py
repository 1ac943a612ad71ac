"""How much of what is read, so that no upload can fill memory or keep a worker for hours."""

from __future__ import annotations

MEGABYTE = 1_000_000

TEXT_BYTES = 256 * MEGABYTE
PDF_BYTES = 100 * MEGABYTE
PDF_PAGES = 10_000
PDF_SECONDS = 600.0
OFFICE_BYTES = 100 * MEGABYTE
# Uncompressed: everything inside one Office file, and its largest part that is parsed as XML.
OFFICE_UNPACKED_BYTES = 400 * MEGABYTE
OFFICE_PART_BYTES = 100 * MEGABYTE
ZIP_BYTES = 512 * MEGABYTE
ZIP_UNPACKED_BYTES = 1_000 * MEGABYTE
ZIP_FILES = 10_000
# Ordinary text packs 3 to 20 times, extreme tables about 100 times.
ZIP_RATIO = 300
LINES_AS_DOCUMENTS = 100_000
TABLE_CHARACTERS = 100_000_000


def megabytes(count: int) -> str:
    """Bytes as whole megabytes, at least 1."""
    return f"{max(1, round(count / MEGABYTE)):,} MB"
