"""The generator of unicode_table.hpp: Python's own Unicode data in, ranges of classes and of lower case out.

`python -m likewise.kernels.unicode_table > src/likewise/kernels/unicode_table.hpp`. The classes are those of
`likewise.kernels.text_twin`, which defines what a word is.
"""

from __future__ import annotations

import sys
import unicodedata
from collections.abc import Iterator

from likewise.kernels.text_twin import class_of, lower_of


def ranges(values: list[int]) -> Iterator[tuple[int, int, int]]:
    """Yield (first, last, value) of each run of equal values that are not 0."""
    first = 0
    for i in range(1, len(values) + 1):
        if i == len(values) or values[i] != values[first]:
            if values[first]:
                yield first, i - 1, values[first]
            first = i


def strided(moved: list[tuple[int, int]]) -> Iterator[tuple[int, int, int, int]]:
    """Yield (first, last, stride, distance) of code points that move by the same distance, stride 1 or 2."""
    i = 0
    while i < len(moved):
        first, distance = moved[i]
        stride = moved[i + 1][0] - first if i + 1 < len(moved) else 1
        stride = stride if stride in (1, 2) else 1
        j = i
        while j + 1 < len(moved) and moved[j + 1] == (moved[j][0] + stride, distance):
            j += 1
        yield first, moved[j][0], stride, distance
        i = j + 1


def header() -> str:
    """Return the text of the header."""
    points = [chr(c) for c in range(sys.maxunicode + 1)]
    classes = [class_of(c) for c in points]
    moved = [(i, ord(lower_of(c)) - i) for i, c in enumerate(points) if lower_of(c) != c]
    lines = [
        "// Made by unicode_table.py from Unicode " + unicodedata.unidata_version + "; do not edit.",
        "#pragma once",
        "#include <cstdint>",
        "",
        "namespace likewise {",
        f'constexpr const char *UNICODE_VERSION = "{unicodedata.unidata_version}";',
        "struct ClassRange {",
        "  uint32_t first, last;",
        "  uint8_t kind;",
        "};",
        "struct LowerRange {",
        "  uint32_t first, last, stride;",
        "  int32_t distance;",
        "};",
        "constexpr ClassRange CLASS_RANGES[] = {",
        *_rows(f"{{{a}, {b}, {k}}}" for a, b, k in ranges(classes)),
        "};",
        "constexpr LowerRange LOWER_RANGES[] = {",
        *_rows(f"{{{a}, {b}, {s}, {d}}}" for a, b, s, d in strided(moved)),
        "};",
        "}  // namespace likewise",
    ]
    return "\n".join(lines) + "\n"


def _rows(items: Iterator[str]) -> Iterator[str]:
    row = ""
    for item in items:
        if len(row) + len(item) > 115:
            yield " " + row
            row = ""
        row += f" {item},"
    yield " " + row


if __name__ == "__main__":
    sys.stdout.write(header())
