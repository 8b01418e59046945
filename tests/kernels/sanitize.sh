#!/bin/bash
# Builds the kernels with AddressSanitizer and UndefinedBehaviorSanitizer and runs their tests, which go through every level.
# In: the interpreter of an environment with the dev extra. Out: the tests' result; the first finding ends the process.
set -euo pipefail
python=$1
cd "$(dirname "$0")/../.."
site=$PWD/build/sanitize/site
PATH=$(dirname "$(readlink -f "$(command -v "$python")")"):$(dirname "$python"):$PATH
"$python" -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --upgrade \
  --target "$site" -C build-dir=build/sanitize/cmake -C cmake.define.LIKEWISE_SANITIZE=ON .
others=$("$python" -c 'import sys; print(":".join(p for p in sys.path if p.endswith("-packages")))')
compiler=${CXX:-g++}
export LD_PRELOAD="$("$compiler" -print-file-name=libasan.so) $("$compiler" -print-file-name=libubsan.so) $("$compiler" -print-file-name=libstdc++.so)"
export ASAN_OPTIONS=detect_leaks=0 UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1
export PYTHONMALLOC=malloc PYTHONPATH="$site:$others" OPENBLAS_NUM_THREADS=1
# -S: the editable install must not come first
"$python" -S -c 'from likewise.kernels import _native; assert "sanitize" in _native.__file__, _native.__file__'
"$python" -S -m pytest -q -p no:cacheprovider -m "not slow" tests/kernels tests/recipes/test_same_bits.py \
  tests/words/test_{word2vec,cooccurrence,glove,ppmi,subwords,subword_table,unseen,fasttext_file,corpus}.py
