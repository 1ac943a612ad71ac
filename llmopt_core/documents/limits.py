"""How much of what is read, so that no upload can fill memory or keep a worker for hours."""

from __future__ import annotations

MEGABYTE = 1_000_000

# Limits are far above real documents and far below what fills the memory of a laptop.
TEXT_BYTES = 256 * MEGABYTE
PDF_BYTES = 100 * MEGABYTE
PDF_PAGES = 10_000
OFFICE_BYTES = 100 * MEGABYTE
# Uncompressed: everything inside one Office file, and its largest part that is parsed as XML.
OFFICE_UNPACKED_BYTES = 400 * MEGABYTE
OFFICE_PART_BYTES = 100 * MEGABYTE
ZIP_BYTES = 512 * MEGABYTE
ZIP_UNPACKED_BYTES = 1_000 * MEGABYTE
# Archives of more files than this are backups or attacks, and no set of documents.
ZIP_FILES = 10_000
# Ordinary text packs 3 to 20 times, extreme tables about 100 times.
ZIP_RATIO = 300
LINES_AS_DOCUMENTS = 100_000
TABLE_CHARACTERS = 100_000_000
# CPU seconds for one file: some for any, more by the megabyte, and the most. An ordinary file takes a tenth of it.
READ_SECONDS, READ_SECONDS_PER_MEGABYTE, READ_SECONDS_AT_MOST = 20.0, 10.0, 120.0
PDF_SECONDS, PDF_SECONDS_PER_MEGABYTE, PDF_SECONDS_AT_MOST = 60.0, 30.0, 600.0
# Question files: quotes are looked for in all documents.
QUESTIONS_SECONDS = 600.0
# By the clock, where the machine is busy with other things.
WALL_RATIO = 3.0
READ_MEMORY = 1_500 * MEGABYTE
READ_MEMORY_PER_BYTE = 8
READ_AT_ONCE_BYTES = MEGABYTE
# YAML takes ten seconds for a megabyte.
YAML_AT_ONCE_BYTES = 200_000
# Reading large YAML is slow; after this it is told instead of waited for.
YAML_SECONDS = 120.0


def seconds_to_read(size: int, *, pdf: bool = False) -> float:
    """CPU seconds that reading a file of `size` bytes may take."""
    if pdf:
        return min(PDF_SECONDS + PDF_SECONDS_PER_MEGABYTE * size / MEGABYTE, PDF_SECONDS_AT_MOST)
    return min(READ_SECONDS + READ_SECONDS_PER_MEGABYTE * size / MEGABYTE, READ_SECONDS_AT_MOST)


def megabytes(count: int) -> str:
    """Bytes as whole megabytes, at least 1."""
    return f"{max(1, round(count / MEGABYTE)):,} MB"
