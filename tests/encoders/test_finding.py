"""Where a word stands in a text: a table of hard cases, made by hand."""

from __future__ import annotations

import pytest

from likewise.encoders.finding import place_of, places_of
from likewise.errors import DataError

CASES = [  # word, text, what is found there (upper and lower case are one)
    ("bank", "The bank of the river", ["bank"]),
    ("bank", "Bank on it", ["Bank"]),
    ("bank", "BANK holiday at the bank", ["BANK", "bank"]),
    ("bank", "banking on an embankment", []),
    ("bank", "bank's rate, the banks' rates", ["bank"]),
    ("bank", "river-bank, (bank), “bank”.", ["bank", "bank", "bank"]),
    ("bank", "bank/lender bank—lender", ["bank", "bank"]),
    ("bank", "bank_1 and bank2", []),
    ("bank", "bank", ["bank"]),
    ("bank", "a bank.", ["bank"]),
    ("bank", "bank\nbank\tbank", ["bank", "bank", "bank"]),
    ("bank", "bank, bank; bank: bank! bank?", ["bank"] * 5),
    ("can", "I can't, but you can", ["can"]),
    ("do", "don't do it", ["do"]),
    ("don", "Don don't", ["Don"]),
    ("don't", "I don't know", ["don't"]),
    ("don’t", "I don’t know", ["don’t"]),
    ("we", "we're here, we've gone, we’ll see", ["we", "we", "we"]),
    ("she", "she's, she'd", ["she", "she"]),
    ("I", "I'm I", ["I", "I"]),
    ("o'clock", "at ten o'clock", ["o'clock"]),
    ("rock", "rock'n'roll", []),
    ("rock'n'roll", "old rock'n'roll songs", ["rock'n'roll"]),
    ("amour", "l'amour fou", ["amour"]),
    ("acqua", "dell'acqua fresca", ["acqua"]),
    ("e-mail", "an e-mail, two e-mails", ["e-mail"]),
    ("New York", "in New York, not New Yorker", ["New York"]),
    ("U.S.", "the U.S. economy", ["U.S."]),
    ("C++", "C++ and C", ["C++"]),
    ("C", "C++ and C", ["C", "C"]),
    ("3.14", "pi is 3.14159 or 3.14", ["3.14"]),
    ("café", "le café du coin", ["café"]),
    ("café", "le cafe\u0301 du coin", ["cafe\u0301"]),
    ("cafe\u0301", "le café du coin", ["café"]),
    ("cafe", "le cafe\u0301 du coin", []),
    ("straße", "die Straße", ["Straße"]),
    ("банк", "Банк открыт, банки закрыты", ["Банк"]),
    ("τράπεζα", "η τράπεζα άνοιξε", ["τράπεζα"]),
    ("بنك", "ذهبت إلى بنك القاهرة", ["بنك"]),
    ("بنك", "البنك", []),
    ("בנק", "בנק הפועלים", ["בנק"]),
    ("बैंक", "वह बैंक गया", ["बैंक"]),
    ("बैं", "वह बैंक गया", []),
    ("के", "के केवल", ["के"]),
    ("मान", "यह सामान भारत का है", []),
    ("रत", "भारत का रत न", ["रत"]),
    ("נק", "נְק בַּבַּנְק", []),
    ("வங்கி", "வங்கி திறந்தது", ["வங்கி"]),
    ("银行", "我去银行存钱", ["银行"]),
    ("銀行", "銀行に行く銀行員", ["銀行", "銀行"]),
    ("ธนาคาร", "ไปธนาคารวันนี้", ["ธนาคาร"]),
    ("은행", "은행 앞", ["은행"]),
    ("🏦", "the 🏦 is shut🏦", ["🏦", "🏦"]),
    ("bank", "bank🏦bank", ["bank", "bank"]),
    ("a", "a banana", ["a"]),
    ("naïve", "NAÏVE", ["NAÏVE"]),
]


@pytest.mark.parametrize(("word", "text", "expected"), CASES, ids=range(len(CASES)))
def test_a_word_is_found_as_people_read(word: str, text: str, expected: list[str]) -> None:
    assert [text[low:high] for low, high in places_of(word, text, any_case=True)] == expected


def test_case_counts_where_it_does_to_the_tokeniser() -> None:
    assert places_of("bank", "Bank bank", any_case=False) == [(5, 9)]


def test_an_occurrence_is_picked_and_one_that_is_not_there_is_a_sentence() -> None:
    text = "bank and bank"
    assert place_of("bank", text, which=0, any_case=True) == (0, 4)
    assert place_of("bank", text, which=-1, any_case=True) == (9, 13)
    with pytest.raises(DataError, match=r"'bank' stands in 'bank and bank' 2 times: there is no number 2"):
        place_of("bank", text, which=2, any_case=True)
    with pytest.raises(DataError, match=r"'bnak' does not stand in .* as a word: did you mean 'bank'\?"):
        place_of("bnak", text, which=0, any_case=True)
    with pytest.raises(DataError, match="an empty word came"):
        place_of(" ", text, which=0, any_case=True)
