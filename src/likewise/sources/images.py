"""Pictures: a folder, a file of arrays, a table or what is in memory in; a source of pictures by key and place out."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, TypeAlias, final

import numpy as np
from jaxtyping import UInt8

from likewise.compressed import plain
from likewise.contracts import Array, IndexedSource
from likewise.errors import DataError, FormatError, nearest_spellings
from likewise.sources.images_arrays import array_kind, as_pictures, read_arrays
from likewise.sources.images_decoding import Raw, Size, as_size, bombs_are_errors, content_of, decode, read_picture
from likewise.sources.images_tables import Table

Data: TypeAlias = str | os.PathLike[str] | Array | Iterable[Any]

ENDINGS = {".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".gif", ".bmp", ".tif", ".tiff", ".ppm", ".pgm", ".pbm"}
HEAD = 512  # bytes that tell what a file is
_MAGIC = (b"\xff\xd8\xff", b"\x89PNG\r\n", b"GIF8", b"BM", b"II*\0", b"MM\0*", b"P4\n", b"P5\n", b"P6\n")


class Holding(Protocol):
    """Where pictures lie before they are decoded: in files, in an array, in a table."""

    @property
    def channels(self) -> int:
        """Return 1 if all are grey, else 3."""

    @property
    def whole(self) -> Array | None:
        """Return all as one array, "n h w" or "n h w c", if they are one."""

    def __len__(self) -> int:
        """Return how many there are, those that cannot be decoded with them."""

    def __getitem__(self, row: int, /) -> Raw:
        """Return one, in any order."""

    def __iter__(self) -> Iterator[Raw]:
        """Yield all in order, which is the fast way."""


@final
class Listed:
    """Paths, arrays or Pillow pictures, one by one."""

    channels = 3
    whole = None

    def __init__(self, entries: Sequence[Raw]) -> None:
        self._entries = entries

    def __len__(self) -> int:
        return len(self._entries)

    def __getitem__(self, row: int) -> Raw:
        return self._entries[row]

    def __iter__(self) -> Iterator[Raw]:
        return iter(self._entries)


@final
class Rows:
    """One array of pictures, in memory or mapped."""

    def __init__(self, array: Array) -> None:
        self.whole = array
        self.channels = 1 if array.ndim == 3 or array.shape[3] == 1 else 3

    def __len__(self) -> int:
        return len(self.whole)

    def __getitem__(self, row: int) -> Raw:
        picture: Array = self.whole[row]
        return picture

    def __iter__(self) -> Iterator[Raw]:
        return iter(self.whole)


@final
class ImageSource:
    """Pictures by key and by place, decoded when they are asked for: uint8 "h w 3", or of `size` if one was given.

    `labels` are names of classes for evaluation ("" where unknown), None if there are none; `metadata` are other
    columns by name. `channels` is 1 where all pictures are grey: they are still handed out as RGB. `notes` are
    sentences that a person should see. A picture that cannot be decoded raises DataError when it is asked for.

    >>> source = open_images(np.zeros((2, 4, 4), np.uint8), labels=["a", "b"])
    >>> len(source), source.keys, source[0].shape
    (2, ['0', '1'], (4, 4, 3))
    """

    kind = "image"
    restartable = True

    def __init__(
        self,
        name: str,
        holding: Holding,
        keys: Sequence[str],
        *,
        labels: Sequence[str] | None = None,
        metadata: Mapping[str, Sequence[Any]] | None = None,
        size: Size | None = None,
        notes: Iterable[str] = (),
    ) -> None:
        self.name, self.holding, self.size, self.notes = name, holding, size, list(notes)
        self.keys = list(keys)
        self.labels = None if labels is None else list(labels)
        self.metadata = dict(metadata or {})
        self._digest: str | None = None
        for what, column in (("keys", keys), ("labels", labels), *self.metadata.items()):
            if column is not None and len(column) != len(holding):
                raise DataError(
                    f"{name} holds {len(holding):,} pictures and {len(column):,} {what}: one each is needed"
                )

    @property
    def channels(self) -> int:
        """1 where all pictures are grey, else 3."""
        return self.holding.channels

    @property
    def digest(self) -> str:
        """`sha256:…` of the content of all pictures in order, as stored; reads them unless that was done before."""
        if self._digest is None:
            self.remember(digest_of(content_of(raw, key)) for key, raw in zip(self.keys, self.holding, strict=True))
        assert self._digest is not None
        return self._digest

    def remember(self, digests: Iterable[bytes]) -> None:
        """Take the digest of each picture's content from somebody who has read all of them."""
        sha = hashlib.sha256()
        for digest in digests:
            sha.update(digest)
        self._digest = f"sha256:{sha.hexdigest()}"

    def __len__(self) -> int:
        return len(self.holding)

    def __getitem__(self, row: int) -> UInt8[Array, "h w 3"]:
        return read_picture(self.holding[row], size=self.size, name=self.name_of(row))

    def __iter__(self) -> Iterator[tuple[str, UInt8[Array, "h w 3"]]]:
        for row, raw in enumerate(self.holding):
            with bombs_are_errors():
                name = self.name_of(row)
                picture = decode(content_of(raw, name), name, size=self.size)
            yield self.keys[row], picture

    def name_of(self, row: int) -> str:
        """Return what a sentence calls a picture: its file, or the place in its file."""
        return self.keys[row] if isinstance(self.holding, Listed) else f"{self.name}: picture {self.keys[row]}"


def digest_of(content: bytes | Array | Any) -> bytes:
    """Return the sha256 of what was stored: the bytes of a file, or type, shape and numbers of an array."""
    if isinstance(content, bytes):
        return hashlib.sha256(content).digest()
    array = np.ascontiguousarray(content)
    sha = hashlib.sha256(f"{array.dtype.str}{array.shape}".encode())
    sha.update(array.data)
    return sha.digest()


def open_images(
    data: Data,
    *,
    size: int | Size | None = None,
    column: str | None = None,
    labels: Sequence[Any] | None = None,
    keys: Sequence[str] | None = None,
    name: str | None = None,
) -> ImageSource:
    """Open pictures, whatever form they have.

    `data` is the name of a folder (its pictures and those below, sorted; the folder that a picture lies in is its
    label), of a picture, of an IDX, npy or npz file, of a Parquet file (or a folder of them) whose `column` holds
    pictures; or it is an array "n h w" or "n h w c", or a list of paths, arrays or Pillow pictures. `size` is
    height and width, or one number for both: each picture is scaled and cut to it. `labels` and `keys` replace those
    that were found.

    Raises DataError if there is nothing to read, or it is no data of pictures.
    """
    if isinstance(data, ImageSource):
        return data
    if isinstance(data, str | os.PathLike):
        source = _of_path(Path(data), str(data), column)
    elif isinstance(data, np.ndarray):
        source = _of_array(data)
    elif isinstance(data, IndexedSource):
        source = _of_source(data)
    else:
        source = _of_iterable(data)
    return ImageSource(
        name or source.name,
        source.holding,
        source.keys if keys is None else keys,
        labels=source.labels if labels is None else ["" if label is None else str(label) for label in labels],
        metadata=source.metadata,
        size=as_size(size),
        notes=source.notes,
    )


def is_picture(path: Path, head: bytes | None = None) -> bool:
    """Whether a file is meant to be a picture: by its ending, or without one by its first bytes."""
    if path.suffix.lower() in ENDINGS:
        return True
    if path.suffix and head is None:
        return False
    return has_magic(head_of(path) if head is None else head)


def has_magic(head: bytes) -> bool:
    """Whether the first bytes of a file are those of a picture."""
    return head.startswith(_MAGIC) or (head[:4] == b"RIFF" and head[8:12] == b"WEBP")


def head_of(path: Path) -> bytes:
    """Return the first bytes of a file without its compression; nothing of what cannot be read."""
    try:
        with plain(path) as file:
            return file.read(HEAD)
    except (OSError, FormatError):
        return b""


def files_below(folder: Path, *, most: int | None = None) -> list[Path]:
    """Return the files in a folder and below, sorted by path; hidden ones are left out; at most `most`, roughly."""
    found: list[Path] = []
    above: dict[str, frozenset[str]] = {}  # the folders above each, without links: a link back is not followed again
    for top, inner, names in os.walk(folder, followlinks=True):
        here = os.path.realpath(top)
        around = above.pop(top, frozenset()) | {here}
        inner[:] = sorted(
            name
            for name in inner
            if not name.startswith(".") and os.path.realpath(os.path.join(top, name)) not in around
        )
        above |= {os.path.join(top, name): around for name in inner}
        found += [Path(top, name) for name in names if not name.startswith(".")]
        if most is not None and len(found) >= most:
            break
    return sorted(
        (path for path in found if path.is_file() or _leads_nowhere(path)),
        key=lambda path: path.relative_to(folder).parts,
    )


def _leads_nowhere(path: Path) -> bool:
    """Whether a file is a link to what is gone: it is named with what cannot be read, and not left out."""
    return path.is_symlink() and not path.exists()


def _of_path(path: Path, name: str, column: str | None) -> ImageSource:
    if not name:
        raise DataError("an empty name came: give a folder of pictures, or a file")
    if not path.exists():
        raise DataError(_no_such(path))
    if path.is_dir():
        return _of_folder(path, name, column)
    if not path.stat().st_size and path.is_file():
        raise DataError(f"{path} is empty (0 bytes): give a folder of pictures, or a file")
    with plain(path) as file:
        head = file.read(HEAD)
    if head.startswith(b"PAR1"):
        return _of_tables([path], name, column)
    if kind := array_kind(head):
        array, labels = read_arrays(path, kind)
        return _of_array(array, name, labels)
    if is_picture(path, head):
        return ImageSource(name, Listed([path]), [name])
    what = "text" if _is_text(head) else "no file of pictures"
    raise DataError(f"{path} is {what}: give a folder of pictures, or an IDX, npy, npz or Parquet file of them")


def _of_folder(folder: Path, name: str, column: str | None) -> ImageSource:
    found = files_below(folder)
    pictures = [path for path in found if is_picture(path)]
    if not pictures:
        return _of_folder_of_files(folder, found, column)
    notes = []
    if others := len(found) - len(pictures):
        seen = set(pictures)
        shown = ", ".join(_key(path, folder) for path in [path for path in found if path not in seen][:3])
        notes.append(f"{others:,} of {len(found):,} files in {folder} are no pictures and were passed over: {shown}")
    labels = ["" if path.parent == folder else path.parent.name for path in pictures]
    keys = _unique([_key(path, folder) for path in pictures])
    return ImageSource(name, Listed(pictures), keys, labels=labels if any(labels) else None, notes=notes)


def _of_folder_of_files(folder: Path, found: Sequence[Path], column: str | None) -> ImageSource:
    """Open a folder that holds no picture files: tables, or one file of arrays."""
    heads = {path: head_of(path) for path in found[:1000]}
    tables = [path for path, head in heads.items() if head.startswith(b"PAR1")]
    if tables:
        return _of_tables(tables, str(folder), column)
    arrays = [path for path, head in heads.items() if array_kind(head) and "label" not in path.name.lower()]
    if len(arrays) == 1:
        return _of_path(arrays[0], str(arrays[0]), column)
    if arrays:
        shown = ", ".join(path.name for path in arrays[:4])
        raise DataError(f"{folder} holds {len(arrays)} files of arrays ({shown}): name the one to read")
    held = f"files of other kinds ({len(found):,})" if found else "no files"
    raise DataError(
        f"{folder} holds no pictures: {held} are in it and below; give a folder with JPEG, PNG or WebP files"
    )


def _of_tables(paths: Sequence[Path], name: str, column: str | None) -> ImageSource:
    table = Table(paths, name, column)
    if not len(table):
        raise DataError(f"{name} has no rows: there are no pictures in it")
    return ImageSource(name, table, table.keys(), labels=table.labels, metadata=table.metadata)


def _of_array(array: Array, name: str = "memory", labels: Sequence[str] | None = None) -> ImageSource:
    array = as_pictures(array, name)
    if 0 in array.shape:
        raise DataError(f"{name} holds no pictures: its shape is {'×'.join(map(str, array.shape))}")
    return ImageSource(name, Rows(array), [str(row) for row in range(len(array))], labels=labels)


def _of_iterable(data: Iterable[Any]) -> ImageSource:
    if isinstance(data, bytes | bytearray | Mapping):
        raise DataError(f"a {type(data).__name__} came: give a path, an array, or a list of paths, arrays or pictures")
    try:
        entries = list(data)
    except TypeError:
        raise DataError(f"a {type(data).__name__} came: give a path, an array, or a list of pictures") from None
    if not entries:
        raise DataError("an empty list came: give paths, arrays or pictures")
    for row, entry in enumerate(entries):
        if not isinstance(entry, str | os.PathLike | np.ndarray) and type(entry).__module__.split(".")[0] != "PIL":
            raise DataError(f"item {row} is a {type(entry).__name__}: an item is a path, an array or a Pillow picture")
    named = [str(entry) if isinstance(entry, str | os.PathLike) else str(row) for row, entry in enumerate(entries)]
    return ImageSource("memory", Listed(entries), _unique(named))


def _of_source(source: IndexedSource) -> ImageSource:
    """Return somebody's own source of pictures as one of ours."""
    if source.kind != "image":
        raise DataError(f"a source of kind {source.kind} came: pictures are wanted")
    labels = getattr(source, "labels", None)
    return ImageSource(getattr(source, "name", type(source).__name__), _Theirs(source), source.keys, labels=labels)


@final
class _Theirs:
    channels = 3
    whole = None

    def __init__(self, source: IndexedSource) -> None:
        self._source = source

    def __len__(self) -> int:
        return len(self._source)

    def __getitem__(self, row: int) -> Raw:
        return self._source[row]  # type: ignore[no-any-return]

    def __iter__(self) -> Iterator[Raw]:
        return (picture for _, picture in self._source)


def _key(path: Path, folder: Path) -> str:
    """Return the path inside the folder; bytes that are no UTF-8 are shown as such."""
    return os.fsencode(path.relative_to(folder).as_posix()).decode("utf-8", "replace")


def _unique(keys: Sequence[str]) -> list[str]:
    """Tell apart what has one name: the second a is `a (2)`."""
    if len(set(keys)) == len(keys):
        return list(keys)
    used, unique = set(keys), []
    seen: dict[str, int] = {}
    for key in keys:
        seen[key] = number = seen.get(key, 0) + 1
        new = key
        while number > 1 and (new := f"{key} ({number})") in used:
            seen[key] = number = number + 1
        used.add(new)
        unique.append(new)
    return unique


def _is_text(head: bytes) -> bool:
    return bool(head) and b"\0" not in head and sum(byte < 9 for byte in head) == 0


def _no_such(path: Path) -> str:
    folder = path.parent
    if not folder.is_dir():
        return f"{path} does not exist, and neither does the folder {folder}"
    near = nearest_spellings(path.name, sorted(entry.name for entry in folder.iterdir()), most=1)
    return f"{path} does not exist: " + (f"did you mean {folder / near[0]}?" if near else "give a folder of pictures")
