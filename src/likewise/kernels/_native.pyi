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
SEGMENT: int

class Windows:
    def __init__(
        self,
        *,
        vectors: Array,
        output: Array,
        ids: Array,
        starts: Array,
        keep: Array,
        alias: Array,
        negative: int,
        paths: Array,
        nodes: Array,
        turns: Array,
        wholes: Array,
        parts: Array,
        window: int,
        batch: int,
        span: int,
        flat: bool,
        cbow: bool,
        mean: bool,
    ) -> None: ...
    def learn(
        self,
        *,
        level: str,
        begin: int,
        end: int,
        key: int,
        rate: float,
        slope: float,
        floor: float,
        together: int,
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
    def numbers(self, words: object, add: bool) -> Array: ...
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

# cooccurrence.cpp
def part_sentences(ids: Array, starts: Array, text: Array, places: Array) -> None: ...
def fill_index(text: Array, places: Array, index: Array) -> None: ...
def count_rows(
    *,
    text: Array,
    index: Array,
    places: Array,
    weights: Array,
    symmetric: bool,
    blocks: Array,
    block: int,
    first: int,
    last: int,
    stop: Array,
) -> tuple[Array, Array]: ...
def shuffle_tiles(entries: Array, ends: Array, key: int) -> None: ...

# glove.cpp
def glove_steps(
    *,
    level: str,
    table: Array,
    entries: Array,
    ends: Array,
    blocks: Array,
    block: int,
    begin: int,
    end: int,
    rate: float,
    x_max: float,
    x_power: float,
    both: bool,
) -> None: ...
def glove_loss(
    *, level: str, table: Array, rows: Array, columns: Array, x: Array, x_max: float, x_power: float
) -> float: ...

# subwords.cpp
def ngram_buckets(text: Array, starts: Array, min_n: int, max_n: int, buckets: int, out: Array) -> None: ...
def row_means(table: Array, rows: Array, starts: Array, out: Array) -> None: ...

# phrases.cpp
class PairCounter:
    def __init__(self, log_p: Array, connectors: Array, reach: Array, bits: int) -> None: ...
    def look(self, ids: Array, ends: Array, first: int, last: int) -> None: ...
    def count(self, ids: Array, ends: Array, first: int, last: int) -> None: ...
    def found(self) -> tuple[Array, Array, Array, Array]: ...

class Joiner:
    def __init__(self, firsts: Array, betweens: Array, lasts: Array, joined: Array, connectors: Array) -> None: ...
    def join(self, ids: Array, ends: Array, first: int, last: int, start: int, token: int) -> tuple[int, int]: ...

def count_words(ids: Array, ends: Array, first: int, last: int, all: bool, counts: Array) -> None: ...
