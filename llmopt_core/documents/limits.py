"""How much of what is read, so that no upload can fill memory or keep a worker for hours."""

from __future__ import annotations

MEGABYTE = 1_000_000

# Limits are far above real documents and far below what fills the memory of a laptop.
# Characters of this count fit several times into memory; the largest corpora come in more than one file.
TEXT_BYTES = 256 * MEGABYTE
PDF_BYTES = 100 * MEGABYTE
# A thousand-page book is tens of megabytes; the limit is for files made to have millions of pages.
PDF_PAGES = 10_000
OFFICE_BYTES = 100 * MEGABYTE
# Uncompressed: everything inside one Office file, and its largest part that is parsed as XML.
OFFICE_UNPACKED_BYTES = 400 * MEGABYTE
# XML takes several times its bytes in memory once it is parsed.
OFFICE_PART_BYTES = 100 * MEGABYTE
ZIP_BYTES = 512 * MEGABYTE
ZIP_UNPACKED_BYTES = 1_000 * MEGABYTE
# Archives of more files than this are backups or attacks, and no set of documents.
ZIP_FILES = 10_000
# Ordinary text packs 3 to 20 times, extreme tables about 100 times.
ZIP_RATIO = 300
# Each document is a row in lists, filters and forms.
LINES_AS_DOCUMENTS = 100_000
# Merged cells and repeated names let a small file unfold without end.
TABLE_CHARACTERS = 100_000_000
# CPU seconds for one file: some for any, more by the megabyte, and the most. An ordinary file takes a tenth of it.
READ_SECONDS, READ_SECONDS_PER_MEGABYTE, READ_SECONDS_AT_MOST = 20.0, 10.0, 120.0
PDF_SECONDS, PDF_SECONDS_PER_MEGABYTE, PDF_SECONDS_AT_MOST = 60.0, 30.0, 600.0
# Looking up nearly equal quotes costs by the length of all documents.
# Question files: quotes are looked for in all documents.
QUESTIONS_SECONDS = 600.0
# By the clock, where the machine is busy with other things.
# Three times the processor's: a machine with other work gives a reader a third of its time at worst.
WALL_RATIO = 3.0
# What the libraries take before any file, and room for a small file that unpacks much.
READ_MEMORY = 1_500 * MEGABYTE
# For what is made of the bytes: larger lets a hostile file take more, smaller refuses honest ones that unfold.
READ_MEMORY_PER_BYTE = 8
# Plain text up to this is read in the process itself: larger saves more starts of a child process, smaller keeps more
# files apart from it.
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
