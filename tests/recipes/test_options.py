"""Options: read from a signature, checked at the door."""

from __future__ import annotations

from typing import Any

import pytest

from likewise.errors import OptionError
from likewise.recipes import EVERY, RECIPES, check, describe, unknown, word2vec
from likewise.recipes.foreign import FOREIGN, plain


@pytest.mark.parametrize("name", RECIPES)
def test_every_option_says_what_it_means_and_its_default_is_allowed(name: str) -> None:
    for option in describe(RECIPES[name]).values():
        assert option.about.meaning
        assert check(RECIPES[name], {option.name: option.default}) == {option.name: option.default}


def test_values_are_given_their_type() -> None:
    assert check(word2vec, {"rate": 1, "max_vocabulary": None}) == {"rate": 1.0, "max_vocabulary": None}
    assert isinstance(check(word2vec, {"rate": 1})["rate"], float)


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"dim": 0}, "out of range"),
        ({"dim": 2.5}, "must be a whole number"),
        ({"dim": "many"}, "must be a whole number"),
        ({"dim": True}, "dim=True: it must be a whole number"),
        ({"dim": None}, "dim=None: it must be a whole number"),
        ({"lowercase": 1}, "lowercase=1: it must be True or False"),
        ({"rate": float("nan")}, "rate=nan: it must be a number"),
        ({"tokenizer": "bpe"}, "not one of 'words', 'whitespace'"),
        ({"vector_size": 300}, "vector_size is what gensim calls it: here it is dim"),
        ({"workers": 2}, "here it is threads"),
        ({"epoch": 2}, "here it is epochs"),
        ({"windw": 2}, "did you mean window"),
        ({"zzzzzzzz": 2}, "it has dim, window"),
    ],
)
def test_bad_options_get_a_sentence(given: dict[str, Any], says: str) -> None:
    with pytest.raises(OptionError, match=says):
        check(word2vec, given)


# What people of each origin type, and what they should read: the tables of gensim 4's and 3's signatures, and of the
# programs fastText, GloVe and word2vec, as their own help lists them.
ORIGINS = [
    ("word2vec", "vector_size size alpha min_alpha workers sg hs cbow_mean ns_exponent iter max_final_vocab", "gensim"),
    ("word2vec", "shrink_windows max_vocab_size corpus_file sentences callbacks compute_loss trim_rule", "gensim"),
    ("word2vec", "sorted_vocab batch_words null_word hashfxn", "gensim"),
    ("word2vec", "size alpha train output cbow hs classes debug binary save_vocab read_vocab iter", ""),
    ("fasttext", "ws neg t lr epoch thread minn maxn bucket minCount input output wordNgrams saveOutput", "fastText"),
    ("fasttext", "lrUpdateRate label minCountLabel verbose", "fastText"),
    ("fasttext", "word_ngrams vector_size sg workers", "gensim"),
    (
        "glove",
        "vector-size eta alpha iter window-size max-vocab input-file save-file vocab-file model",
        "GloVe's program",
    ),
    ("glove", "distance-weighting max-product overflow-length grad-clip write-header verbose", "GloVe's program"),
    ("ppmi", "cds eig neg win thr", "hyperwords"),
    ("ppmi", "window-size max-vocab", "GloVe's program"),
]


@pytest.mark.parametrize(("recipe", "names", "library"), ORIGINS)
def test_the_names_of_other_libraries_name_ours(recipe: str, names: str, library: str) -> None:
    known = describe(RECIPES[recipe])
    for name in names.split():
        said = unknown(name, known, recipe)
        assert library in said
        assert "here it is " in said or "that there is not here: " in said
        if "here it is " in said:
            ours = said.split("here it is ")[1].split(" (")[0]
            assert ours in {*known, "DATA", "out"}


@pytest.mark.parametrize(
    ("recipe", "name", "says"),
    [
        ("word2vec", "alpha", "alpha is what gensim calls it: here it is rate"),
        ("glove", "alpha", "alpha is what GloVe's program calls it: here it is x_power"),
        ("glove", "iter", "iter is what GloVe's program calls it: here it is epochs"),
        ("fasttext", "neg", "neg is what fastText calls it: here it is negative"),
        ("ppmi", "neg", "neg is what hyperwords calls it: here it is shift"),
        ("word2vec", "sg", "here it is model (1 is skipgram, 0 is cbow)"),
        ("word2vec", "hs", "here it is loss (1 is hs, 0 is ns)"),
        ("ppmi", "iter", "iter is what GloVe's program calls epochs, which ppmi does not have"),
        ("word2vec", "minn", "minn is what fastText calls min_n, which word2vec does not have"),
        ("word2vec", "n_jobs", "n_jobs is what scikit-learn calls it: here it is threads"),
        ("word2vec", "vectro_size", "did you mean dim?"),
    ],
)
def test_a_foreign_name_means_what_it_means_to_the_users_of_a_recipe(recipe: str, name: str, says: str) -> None:
    assert says in unknown(name, describe(RECIPES[recipe]), recipe)


def test_every_foreign_name_leads_somewhere() -> None:
    ours = {option for recipe in EVERY.values() for option in describe(recipe)} | {"DATA", "out"}
    for name, meanings in FOREIGN.items():
        assert name == plain(name)
        assert name not in ours or all(foreign.ours != name for foreign in meanings)
        for foreign in meanings:
            assert foreign.ours in ours or (not foreign.ours and foreign.how)


def test_on_the_command_line_names_have_dashes() -> None:
    known = describe(word2vec)
    assert "--min-count" in unknown("minCount", known, "word2vec", dashes=True)
    assert "--max-vocabulary" in unknown("max_vocabulry", known, "word2vec", dashes=True)
