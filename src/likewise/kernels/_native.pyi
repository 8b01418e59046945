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
