"""Foreign names: an option as another library calls it in, a sentence with our name for it out."""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

GENSIM, GENSIM_3, WORD2VEC, FASTTEXT = "gensim", "gensim 3", "word2vec's program", "fastText"
GLOVE, HYPERWORDS, SKLEARN, OTHERS = "GloVe's program", "hyperwords", "scikit-learn", ""

ORIGINS = {
    "word2vec": (GENSIM, WORD2VEC),
    "fasttext": (FASTTEXT, GENSIM),
    "glove": (GLOVE,),
    "ppmi": (HYPERWORDS, GLOVE),
}
"""The libraries that a recipe's users come from: of a name with several meanings theirs counts."""


class Foreign(NamedTuple):
    """What a library calls an option of ours; `how` says which value to give, or why there is no such option."""

    library: str
    ours: str
    how: str = ""


def _same(library: str, **names: str) -> dict[str, Foreign]:
    return {name: Foreign(library, *ours.split(": ", 1)) for name, ours in names.items()}


_TABLES = (
    _same(
        GENSIM,
        vector_size="dim",
        alpha="rate",
        min_alpha="min_rate",
        workers="threads",
        ns_exponent="power",
        sg="model: 1 is skipgram, 0 is cbow",
        hs="loss: 1 is hs, 0 is ns",
        cbow_mean="combine: 1 is mean, 0 is sum",
        shrink_windows="weighting: True is linear, False is flat",
        max_final_vocab="max_vocabulary",
        max_vocab_size="max_vocabulary",
        connector_words="phrase_connectors: its words with commas between",
        npmi="phrases: give its threshold",
        bucket="buckets",
        corpus_file="DATA",
        sentences="DATA",
        callbacks=": likewise.learn(..., on_epoch=...) is called after each epoch",
        compute_loss=": the loss is always measured, and stands in log.jsonl",
        batch_words=": work is shared out by itself",
        sorted_vocab=": words always stand by their counts",
        trim_rule=": words are left out by min_count and max_vocabulary alone",
        hashfxn=": all that is random comes from seed",
        null_word=": texts are not padded",
        word_ngrams=": that is for classifiers, which likewise does not learn",
    ),
    _same(GENSIM_3, size="dim", iter="epochs"),
    _same(
        WORD2VEC,
        cbow="model: 0 is skipgram, 1 is cbow",
        train="DATA",
        output="out",
        binary=": `likewise convert RUN vectors.bin` writes that format",
        classes=": likewise makes no clusters of words",
        debug=": --quiet and log.jsonl are what there is",
        save_vocab=": words and counts stand in space/items.parquet",
        read_vocab=": words are counted anew in each text",
    ),
    _same(
        FASTTEXT,
        ws="window",
        neg="negative",
        t="sample",
        lr="rate",
        epoch="epochs",
        thread="threads",
        minn="min_n",
        maxn="max_n",
        bucket="buckets",
        mincount="min_count",
        input="DATA",
        output="out",
        lrupdaterate=": the rate falls with every stretch of text",
        wordngrams=": that is for classifiers, which likewise does not learn",
        mincountlabel=": that is for classifiers, which likewise does not learn",
        label=": that is for classifiers, which likewise does not learn",
        saveoutput=": the other side of training is always kept, in encoder/output.safetensors",
        verbose=": --quiet leaves out what is shown on the way",
    ),
    _same(
        GLOVE,
        vector_size="dim",
        eta="rate",
        alpha="x_power",
        iter="epochs",
        window_size="window",
        max_vocab="max_vocabulary",
        distance_weighting="weighting: 1 is harmonic, 0 is flat",
        input_file="DATA",
        save_file="out",
        model=": vectors are w + c, and c is kept in encoder/output.safetensors",
        grad_clip=": steps are not cut off, AdaGrad lowers the rate of what moves much",
        vocab_file=": words are counted anew in each text",
        max_product="memory",
        overflow_length="memory",
        overflow_file="memory",
        array_size="memory",
        temp_file="memory",
        write_header=": `likewise convert RUN vectors.txt --to word2vec` writes one, `--to glove` none",
        verbose=": --quiet leaves out what is shown on the way",
    ),
    _same(
        HYPERWORDS,
        cds="smoothing",
        eig="eigen_power",
        neg="shift",
        win="window",
        thr="min_count",
        sub="sample",
        dyn="weighting: linear",
    ),
    _same(SKLEARN, n_jobs="threads", random_state="seed", n_components="dim", max_iter="epochs"),
    _same(
        OTHERS,
        negatives="negative",
        subsample="sample",
        learning_rate="rate",
        window_size="window",
        num_epochs="epochs",
        n_epochs="epochs",
        num_workers="threads",
        batch_size="batch",
        max_epochs="epochs",
        lr="rate",
        wd="weight_decay",
        optimizer="optimiser",
        projection_dim="head",
        tau="temperature",
        image_size="image",
        img_size="image",
        input_size="image",
        patch_size="patch",
        backbone="encoder",
        arch="encoder",
        ema="momentum",
        mask_ratio="mask",
        gradient_checkpointing="recompute",
        accumulate_grad_batches="chunk",
        embedding_dim="dim",
        embedding_size="dim",
        dimensions="dim",
        dims="dim",
        vocab_size="max_vocabulary",
    ),
)

FOREIGN: dict[str, tuple[Foreign, ...]] = {}
for _table in _TABLES:
    for _name, _foreign in _table.items():
        FOREIGN[_name] = (*FOREIGN.get(_name, ()), _foreign)


def plain(name: str) -> str:
    """Return a name as the table has it: `-x-max` and `xMax` differ only where their letters do.

    >>> plain("-minCount"), plain("--vector-size")
    ('mincount', 'vector_size')
    """
    return name.lstrip("-").replace("-", "_").lower()


def meaning(name: str, known: Collection[str], recipe: str) -> Foreign | None:
    """Return what `name` means to somebody who uses `recipe`, whose options are `known`; None if nobody has it."""
    found = FOREIGN.get(plain(name), ())
    origins = ORIGINS.get(recipe, ())

    def preferred(foreign: Foreign) -> tuple[bool, int]:
        here = foreign.ours in known or foreign.ours in ("", "DATA", "out")
        return not here, origins.index(foreign.library) if foreign.library in origins else len(origins)

    return min(found, key=preferred, default=None)
