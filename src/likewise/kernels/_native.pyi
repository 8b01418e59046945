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
