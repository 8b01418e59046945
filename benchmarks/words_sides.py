"""The sides of words.py: a side, a text, a seed and settings in, what its process printed and its scores out.

Here are the texts, the rivals and where they are, and what tells one version of a side from another.
"""

from __future__ import annotations

import hashlib
import json
import lzma
import os
import platform
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
BENCH = ROOT / ".bench"
DATA = Path(os.environ.get("LIKEWISE_DATA", ROOT.parent / "shared" / "data"))
TEXT = DATA / "text" / "wiki2015_en_100MB.txt.xz"
PACKAGES = ["gensim==4.4.0", "numpy==2.4.6"]
RESULTS = HERE / "results"
AVX512, AVX2 = "avx512", "avx2"
Settings = tuple[str, ...]
ALGORITHM = {
    "words": ("kernels/words*.?pp", "kernels/words.py", "words/word2vec.py", "words/huffman.py", "words/sweep.py"),
    "glove": ("kernels/glove*", "kernels/cooccurrence*", "words/glove.py", "words/cooccurrence.py"),
    "ppmi": ("kernels/cooccurrence*", "words/ppmi.py", "words/cooccurrence.py"),
    "onehot": ("words/onehot.py",),
}  # the files that decide what is learned


def rival_python() -> Path:
    """Make gensim's environment once, and return its Python."""
    home = BENCH / "words"
    python, done = home / "bin" / "python", home / "installed.json"
    if not done.exists() or json.loads(done.read_text()) != PACKAGES:
        subprocess.run([sys.executable, "-m", "venv", "--clear", home], check=True)
        command = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *PACKAGES]
        subprocess.run(command, check=True)
        done.write_text(json.dumps(PACKAGES))
    return python


def corpus_file() -> Path:
    """Make the corpus once: the words of a-z of each paragraph on a line, without the <doc> lines."""
    BENCH.mkdir(exist_ok=True)
    corpus = BENCH / "corpus.txt"
    if not corpus.exists():
        if not TEXT.exists():
            raise SystemExit(f"{TEXT} is not there: set LIKEWISE_DATA to the folder with the shared data")
        partial = corpus.with_suffix(".partial")
        with lzma.open(TEXT, "rt", encoding="utf-8") as text, partial.open("w") as out:
            for line in text:
                words = [] if line.startswith(("<doc ", "</doc>")) else re.findall("[a-z]+", line.lower())
                if words:
                    out.write(" ".join(words) + "\n")
        partial.rename(corpus)
    return corpus


def part_file(share: int) -> Path:
    """Make the first `share`-th of the corpus once, in whole paragraphs."""
    part = BENCH / {4: "quarter.txt", 8: "eighth.txt"}[share]
    if not part.exists():
        text = corpus_file().read_bytes()
        part.write_bytes(text[: text.index(b"\n", len(text) // share) + 1])
    return part


def quarter_file() -> Path:
    return part_file(4)


def levels() -> list[str]:
    from likewise.kernels import available

    return [name for name in reversed(available()) if name in (AVX512, AVX2)] or [available()[-1]]


def glove_program() -> Path:
    """Return the folder of stanfordnlp/GloVe's programs, which are built outside the project."""
    home = Path(os.environ.get("LIKEWISE_GLOVE", BENCH / "rivals" / "GloVe" / "build"))
    if not (home / "glove").exists():
        raise SystemExit(f"{home} has no glove: build stanfordnlp/GloVe and set LIKEWISE_GLOVE to its build folder")
    return home.resolve()


def fasttext_program() -> Path | None:
    """Return fastText's program, which is built outside the project; None where there is none."""
    given = os.environ.get("LIKEWISE_FASTTEXT")
    return Path(given).resolve() if given and Path(given).exists() else None


def digest_of(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def machine() -> str:
    """Name the processor and what the kernels may use of it."""
    from likewise.kernels import available

    described = Path("/proc/cpuinfo").read_text() if Path("/proc/cpuinfo").exists() else ""
    fields = dict(re.findall(r"^(model name|cpu family|model)\s*: (.*)$", described, re.M))
    numbers = f"family {fields.get('cpu family')} model {fields.get('model')}"
    name = f"{fields.get('model name', platform.processor())} {numbers}"
    return f"{name}, {os.cpu_count()} cores, {available()[-1]}"


def version_of(side: str, algorithm: str = "words") -> str:
    """Return gensim's version, or ours with a digest of the files that decide what is learned."""
    if side == "gensim":
        return PACKAGES[0]
    import likewise

    package = Path(likewise.__file__).parent
    files = [path for pattern in ALGORITHM[algorithm] for path in sorted(package.glob(pattern))]
    digest = hashlib.sha256(b"".join(path.read_bytes() for path in files))
    return f"likewise {likewise.__version__} {digest.hexdigest()[:12]}"


def surroundings(level: str, threads: int = 1) -> dict[str, str]:
    limits = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), str(threads))
    return os.environ | limits | ({"LIKEWISE_KERNEL": level} if level else {})


def run_side(side: str, *arguments: object, level: str = "", corpus: Path | None = None) -> dict[str, Any]:
    """Run gensim or likewise in a process of its own and return what it prints."""
    python = rival_python() if side == "gensim" else Path(sys.executable)
    script = HERE / ("rival_gensim.py" if side == "gensim" else "words_likewise.py")
    command = [str(python), str(script), str(corpus or corpus_file()), *map(str, arguments)]
    done = subprocess.run(command, env=surroundings(level), stdout=subprocess.PIPE, text=True, check=True)
    return dict(json.loads(done.stdout.splitlines()[-1]))


def run_program(
    script: str, text: Path, seed: int, settings: Settings, level: str = "", program: Path | None = None
) -> dict[str, Any]:
    """Run one side of a row against a program of C or C++; its scores are beside what it prints.

    `program` None: our side.
    """
    out = BENCH / f"{Path(script).stem}-{os.getpid()}"
    command = [sys.executable, str(HERE / script), str(text), "--seed", str(seed), *settings]
    command += ["--out", str(out), *(["--rival", str(program)] if program else [])]
    done = subprocess.run(command, env=surroundings(level), stdout=subprocess.PIPE, text=True, check=True)
    return dict(json.loads(done.stdout.splitlines()[-1])) | {"scores": scores_of(out)}


def scores_of(out: Path) -> dict[str, float]:
    """Score the words and vectors that a side wrote under the name `out`, and remove them."""
    import numpy as np

    from words_quality import score

    words, vectors = Path(f"{out}.txt"), Path(f"{out}.npy")
    found = score(DATA, words.read_text(encoding="utf-8").split("\n"), np.load(vectors))
    for file in (words, vectors):
        file.unlink()
    return found
