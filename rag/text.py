"""Pure helpers on words: cleaning what comes in, comparing what is said."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

import Stemmer

STOPWORDS = frozenset(
    "a about after all also am an and any are as at be because been before being both but by can could did do does doing down "
    "during each few for from further had has have having he her here hers herself him himself his how i if in into is it its "
    "itself just me more most my myself no nor not now of off on once only or other our ours out over own s same she should so "
    "some such t than that the their theirs them themselves then there these they this those through to too under until up "
    "very was we were what when where which while who whom why will with would you your yours yourself".split()
)
NEGATIONS = frozenset(
    "no not never none nobody nothing neither nor cannot without isnt wasnt arent werent dont doesnt didnt wont "
    "wouldnt cant couldnt hasnt havent hadnt shouldnt".split()
)

_WORD = re.compile(r"\w+(?:['’]\w+)*")
_NUMBER_WORDS = {
    word: str(value)
    for value, word in enumerate(
        "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
        "eighteen nineteen twenty".split()
    )
}
_QUOTES = str.maketrans({"’": "'", "‘": "'", "“": '"', "”": '"', "–": "-", "—": "-", "‑": "-", "\u00a0": " "})
_stemmer = Stemmer.Stemmer("english")


def clean(text: str) -> str:
    """Return text on one line without control characters, lone surrogates and invisible format characters."""
    kept = (c if unicodedata.category(c) not in ("Cc", "Cs", "Cf", "Co", "Cn") else " " if c in "\n\r\t\f\v" else "" for c in text)
    return " ".join("".join(kept).split())


def printable(text: str) -> str:
    """Return text without control, format, surrogate and unassigned characters, its spaces and line ends kept."""
    return "".join(c for c in text if c in "\n\t" or not unicodedata.category(c).startswith("C"))


@lru_cache(maxsize=8192)
def fold(text: str) -> str:
    """Return text for comparing: lower case, straight quotes and dashes, no accents, single spaces."""
    plain = unicodedata.normalize("NFKD", text.translate(_QUOTES).casefold())
    return " ".join("".join(c for c in plain if not unicodedata.combining(c)).split())


def words(text: str) -> list[str]:
    """Return the words of a text as written, possessive endings left off."""
    return [re.sub(r"['’]s?$", "", word) for word in _WORD.findall(text)]


def word_at(text: str, start: int, end: int) -> str:
    """Return the whole word around a span of a text, possessive ending left off, or "" where there is none."""
    for match in _WORD.finditer(text):
        if match.start() <= start and end <= match.end():
            return re.sub(r"['’]s?$", "", match.group())
    return ""


@lru_cache(maxsize=8192)
def stem(word: str) -> str:
    """Return a word's stem (Snowball English), accents and case folded."""
    return str(_stemmer.stemWord(fold(word).replace("'", "")))


def content_stems(text: str) -> list[str]:
    """Return the stems of a text's words in order, stopwords left out."""
    return [stem(word) for word in words(text) if fold(word).replace("'", "") not in STOPWORDS]


def names(text: str) -> set[str]:
    """Return the folded words written with a capital inside a sentence, which English keeps for names."""
    found = set()
    for match in _WORD.finditer(text):
        before = text[: match.start()].rstrip(" \"'“”‘’(*_")
        if match.group()[0].isupper() and before and before[-1] not in ".!?:\n" and match.group() != "I":
            found.add(fold(re.sub(r"['’]s?$", "", match.group())))
    return found


def numbers(text: str) -> set[str]:
    """Return the numbers of a text as digits, small number words included."""
    digits = {n.replace(",", "").rstrip(".") for n in re.findall(r"\d[\d.,]*", text)}
    return digits | {_NUMBER_WORDS[w] for w in map(fold, words(text)) if w in _NUMBER_WORDS}


def negations(text: str) -> int:
    """Count the words that deny something ("not", "never", "didn't", …)."""
    folded = [fold(word).replace("'", "") for word in _WORD.findall(text)]
    return sum(1 for word in folded if word in NEGATIONS)
