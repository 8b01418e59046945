"""The English of the installed packages: Python's library and packages in, their written paragraphs out.

Documentation strings, comments, help topics, descriptions and guides: real prose, a few million words, on every
machine that likewise runs on. It is what `make demo` reads where nothing better is there.
"""

from __future__ import annotations

import hashlib
import re
import sys
import sysconfig
from collections.abc import Iterable, Iterator
from functools import cached_property
from pathlib import Path
from textwrap import dedent

_DOCUMENTS = (".rst", ".md", ".txt")
_SKIPPED = {"test", "tests", "idle_test", "testing", "lib2to3", "site-packages", "dist-packages", "__pycache__"}
_MOST_BYTES = 4_000_000  # of a file: what is larger is data
_BLOCK = 1 << 20

_QUOTED = re.compile(r'("""|\'\'\')(.*?)\1', re.DOTALL)
_COMMENTS = re.compile(r"(?:^[ \t]*#[ \t]?[^\n]*\n){2,}", re.MULTILINE)
_HASH = re.compile(r"^[ \t]*#+[ \t]?", re.MULTILINE)
_MARKUP = re.compile(r":[a-z:]+:`~?([^`<]*)(?:<[^>]*>)?`|``?([^`]*)``?|\*\*?([^*\s][^*]*)\*\*?")
_PARAGRAPHS = re.compile(r"\n[ \t]*\n")
_WORD = re.compile(r"[A-Za-z]+")
_STOP_WORDS = frozenset(
    """
    a all also an and any are as at be been but by can do does each for from has have if in into is it its may more
    must no not of on one only or other same should so some such than that the their them then there these they this
    to use used was we when where which will with would you your
    """.split()
)
_CODE = re.compile(r">>>|\{\{|[{};=<>|\\]{2,}|\w+\(.*\).*\w+\(|\bself\.|\belif\b| \+?= |^\s*[.\-*#|+=]")
_NOT_PROSE = re.compile(  # lines of NumPy's docstring layout: rulers, headings, `name : type`
    r"^[ \t]*(?:[-=~^\"']{3,}|Parameters|Returns|Yields|Raises|Attributes|Notes|Examples|See Also|References|Args:"
    r"|[*\w, .()]+ ?: [^\n]*)[ \t]*$",
    re.MULTILINE,
)


class EnglishOfPackages:
    """A source of paragraphs, each once, in a fixed order: the same install gives the same digest.

    Nothing is imported: files are read as text, and those that cannot be read are passed over.
    """

    kind = "text"
    restartable = True
    name = "the English of the installed packages"
    size = None

    def __init__(self, roots: Iterable[Path] | None = None) -> None:
        self._roots = [Path(root) for root in roots] if roots is not None else _installed()

    @cached_property
    def paragraphs(self) -> list[str]:
        """All paragraphs; gathered when they are first asked for, in about ten seconds."""
        seen: set[bytes] = set()
        found: list[str] = []
        for file in _files(self._roots):
            for paragraph in _prose_of(file):
                mark = hashlib.blake2b(paragraph.lower().encode(), digest_size=12).digest()
                if mark not in seen:
                    seen.add(mark)
                    found.append(paragraph)
        return found

    @cached_property
    def digest(self) -> str:
        """`sha256:…` of the paragraphs."""
        sha = hashlib.sha256()
        for block in self.blocks():
            sha.update(block)
        return "sha256:" + sha.hexdigest()

    def __iter__(self) -> Iterator[tuple[str, str]]:
        """Yield (number, paragraph)."""
        return ((str(number), paragraph) for number, paragraph in enumerate(self.paragraphs, 1))

    def blocks(self) -> Iterator[bytes]:
        """Yield UTF-8 in whole lines, a paragraph a line."""
        lines: list[str] = []
        held = 0
        for paragraph in self.paragraphs:
            lines.append(paragraph)
            held += len(paragraph)
            if held >= _BLOCK:
                yield ("\n".join(lines) + "\n").encode()
                lines, held = [], 0
        if lines:
            yield ("\n".join(lines) + "\n").encode()


def _installed() -> list[Path]:
    packages = [path for path in sys.path if Path(path).name in ("site-packages", "dist-packages")]
    return [Path(path) for path in dict.fromkeys([sysconfig.get_paths()["stdlib"], *packages])]


def _files(roots: Iterable[Path]) -> Iterator[Path]:
    """Yield the files that may hold prose, each root's sorted by name."""
    for root in roots:
        found = [
            path
            for path in root.rglob("*")
            if (path.suffix in (".py", ".pyi", *_DOCUMENTS) or path.name == "METADATA")
            and not _SKIPPED & set(path.relative_to(root).parts[:-1])
        ]
        yield from sorted(found)


def _prose_of(file: Path) -> Iterator[str]:
    """Yield the prose paragraphs of one file."""
    try:
        if file.stat().st_size > _MOST_BYTES:
            return
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return
    for passage in _passages(file, text):
        for paragraph in _PARAGRAPHS.split(passage):
            prose = _as_prose(paragraph)
            if prose is not None:
                yield prose


def _passages(file: Path, text: str) -> Iterator[str]:
    if file.suffix not in (".py", ".pyi"):
        yield text
        return
    for match in _QUOTED.finditer(text):
        yield dedent(match[2].replace("\\n", "\n"))
    for match in _COMMENTS.finditer(text):
        yield _HASH.sub("", match[0])


def _as_prose(paragraph: str) -> str | None:
    """Return a paragraph on one line without its markup, or None if it does not read like English sentences."""
    paragraph = _NOT_PROSE.sub("", paragraph).strip()
    if len(paragraph) < 40 or _CODE.search(paragraph):
        return None
    line = _MARKUP.sub(lambda m: m[1] or m[2] or m[3] or "", " ".join(paragraph.split()))
    words = _WORD.findall(line)
    if len(words) < 8 or sum(map(len, words)) < 0.7 * len(line):
        return None
    stop_words = sum(word.lower() in _STOP_WORDS for word in words)
    return line if stop_words >= 0.2 * len(words) else None
