"""The package as a whole: what importing it costs and what it offers."""

from __future__ import annotations

import subprocess
import sys

import likewise


def _modules_after(statement: str) -> set[str]:
    code = f"import sys; {statement}; print(*sorted(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_every_public_name_can_be_had() -> None:
    for name in likewise.__all__:
        assert getattr(likewise, name) is not None
    assert set(likewise.__all__) <= set(dir(likewise))


def test_an_unknown_name_is_an_attribute_error() -> None:
    assert not hasattr(likewise, "embeddings")


def test_import_pulls_in_nothing_heavy() -> None:
    heavy = {"scipy", "sklearn", "pyarrow", "matplotlib", "rich", "click", "safetensors", "torch", "pandas"}
    assert not _modules_after("import likewise") & heavy


def test_help_pulls_in_no_numpy() -> None:
    loaded = _modules_after("from likewise.cli import run; run(['--version'])")
    assert not loaded & {"numpy", "scipy", "sklearn", "pyarrow"}


def test_learn_stays_the_function_when_its_module_is_imported() -> None:
    import likewise.learning

    assert callable(likewise.learn)
