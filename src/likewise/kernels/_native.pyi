"""Types of the compiled module, by hand: see the .cpp file of the same name as each section."""

from likewise.contracts import Array

# module.cpp
def compiled_levels() -> list[str]: ...
def machine_has(name: str) -> bool: ...

# neighbours.cpp
def top_k(
    queries: Array,
    base: Array,
    metric: int,
    exclude: Array,
    threads: int,
    level: str,
    rows: Array,
    scores: Array,
) -> None: ...

# words.cpp
def skipgram(
    *,
    level: str,
    vectors: Array,
    output: Array,
    ids: Array,
    starts: Array,
    keep: Array,
    alias: Array,
    window: int,
    negative: int,
    key: int,
    rate: float,
    slope: float,
    floor: float,
    full_window: bool,
    begin: int,
    end: int,
) -> tuple[int, int]: ...
def pair_products(
    *, level: str, vectors: Array, output: Array, rows: Array, targets: Array, products: Array
) -> None: ...
def fill_alias(probabilities: Array, alias: Array) -> None: ...

# text.cpp
class Counter:
    def __init__(self, words: bool, lowercase: bool, digits: int, held_below: int) -> None: ...
    def feed(self, bytes: object) -> bool: ...
    def finish(self) -> bool: ...
    def feed_words(self, words: object) -> bool: ...
    def take_out(self) -> tuple[Array, Array]: ...
    def counts(self) -> Array: ...
    def words(self, numbers: Array) -> list[str]: ...
    @property
    def fault(self) -> tuple[str, int, int] | None: ...
    @property
    def size(self) -> int: ...
    @property
    def tokens(self) -> int: ...
    @property
    def paragraphs(self) -> int: ...

def renumber(
    ids: Array, ends: Array, renumbered: Array, first: int, last: int, start: int, token: int, paragraph: int
) -> tuple[Array, Array, int, int, int]: ...
def cut(texts: object, words: bool, lowercase: bool, digits: int) -> list[list[str]]: ...
