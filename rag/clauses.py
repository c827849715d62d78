"""A sentence to its words, clauses and events (who does what to whom), by closed word lists and word order; no parser, no model."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice

from rag.lexicon import BELIEFS, HEDGES, IRREGULAR_ROOTS, NEGATORS, REPORTS, root
from rag.text import STOPWORDS, fold

HE, SHE, THEY, IT = (frozenset(group.split()) for group in ("he him his himself", "she her hers herself", "they them their", "it its"))
PRONOUNS = HE | SHE | THEY | IT | frozenset("i we you".split())
BE = frozenset("is was are were be been being".split())
AUXILIARIES = BE | frozenset("has have had do does did will would can could may might must shall should not never".split())
DETERMINERS = frozenset("a an the this these those his her its their no any some another both each every".split())
PREPOSITIONS = frozenset(
    "at in on from with by for into of about against after before during under over near behind between through without inside "
    "outside upon onto toward towards within across along around beside as than".split()
)
_CLAUSE_WORDS = frozenset("but while although though because so who which when if since as where whose that than yet whom and or".split())
_ADVERBS = frozenset("also then still too just only even again soon later once ever already".split())
_NO_ADVERBS = frozenset("family reply ally bully assembly july italy monopoly anomaly supply lily jelly belly apply rely imply".split())
_PARTICLES = frozenset("away up out off down".split())
_WHO_ASIDE = re.compile(r",? (?:who|which)\b")
LONGEST = 400
"""Words of a text that are read: many times one or two sentences, and few enough to stay fast on anything."""
_TOKEN = re.compile(r"\w+(?:['’-]\w+)*['’]?|[.,;:!?]")


@dataclass(frozen=True, slots=True)
class Word:
    """A word or a mark: as written, folded, its root ("" for a mark), its place in the text, the number of its clause."""

    text: str
    key: str
    root: str
    at: int
    clause: int
    name: bool
    possessive: bool

    @property
    def content(self) -> bool:
        """Tell whether the word says something by itself."""
        return bool(self.root) and not any(self.key in closed for closed in (STOPWORDS, NEGATORS, PREPOSITIONS, DETERMINERS))

    @property
    def adverb(self) -> bool:
        """Tell whether the word may stand between a subject and its verb."""
        return self.key in _ADVERBS or self.key in NEGATORS or (self.key.endswith("ly") and self.key not in _NO_ADVERBS)


@dataclass(frozen=True, slots=True)
class Phrase:
    """The heads of a noun phrase; those who own it are left out: "Ana's old car" is "old", "car"."""

    heads: tuple[Word, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """Return the roots of its names, as they stand."""
        return tuple(word.root for word in sorted(self.heads, key=lambda word: word.at) if word.name)

    @property
    def roots(self) -> set[str]:
        """Return the roots of all its words."""
        return {word.root for word in self.heads}

    @property
    def pronoun(self) -> str:
        """Return its pronoun, or ""."""
        return next((word.key for word in self.heads if word.key in PRONOUNS), "")

    def __str__(self) -> str:
        return " ".join(word.text for word in sorted(self.heads, key=lambda word: word.at))


@dataclass(frozen=True, slots=True)
class Event:
    """Who (agent) does a thing to whom (patient), as far as the words tell."""

    agent: Phrase | None
    patient: Phrase | None


@lru_cache(maxsize=4096)
def _tokens(text: str) -> tuple[tuple[str, str, bool], ...]:
    """Return a text's words and marks: as written without possessive ending, folded, and whether it was possessive."""
    found = []
    for written in islice((match.group() for match in _TOKEN.finditer(text)), LONGEST):
        bare = re.sub(r"['’]s?$", "", written)
        found.append((bare, fold(bare).replace("'", ""), bare != written))
    return tuple(found)


def names_in(*texts: str) -> frozenset[str]:
    """Return the folded words that a text writes with a capital inside a sentence, or that no text writes without one."""
    inside, opening, lower = set[str](), set[str](), set[str]()
    for text in texts:
        previous = "."
        for written, key, _ in _tokens(text):
            kind = lower if not written[:1].isupper() else opening if previous in ".:!?" else inside
            kind.add(key)
            previous = written
    return frozenset((inside | (opening - lower)) - STOPWORDS - NEGATORS)


def read(text: str, names: frozenset[str]) -> list[Word]:
    """Return a text's words and marks; a clause ends at a mark and before a word that opens the next."""
    clause, found = 0, []
    for at, (written, key, possessive) in enumerate(_tokens(text)):
        mark = written in ".,;:!?"
        clause += mark or key in _CLAUSE_WORDS
        found.append(Word(written, key, "" if mark else root(written), at, clause, key in names and written[:1].isupper(), possessive))
    return found


def completed(claim: str, question: str) -> str:
    """Return the claim as a sentence: a mere phrase goes into the gap of its question ("Who shot Ana?" "Tom." → "Tom shot Ana")."""
    if not is_phrase(claim):
        return claim
    phrase, asked = _WHO_ASIDE.split(claim.rstrip(" ."))[0], question.rstrip(" ?")
    if subject := re.match(r"(?i)(?:who|what|which \w+) (?!(?:is|are|did|does|do|has|have)\b)(.*)$", asked):
        return f"{phrase} {subject.group(1)}"
    if whom := re.match(r"(?i)whom? (?:did|does|do) (.*)$", asked):
        return f"{whom.group(1)} {phrase}"
    return claim


def is_phrase(claim: str) -> bool:
    """Tell whether a claim is a phrase and no sentence: short, and nothing in it stands where a verb does."""
    whole = read(claim, names_in(claim))
    words = read(_WHO_ASIDE.split(claim)[0], names_in(claim))
    if len(whole) > 10 or not words:
        return False
    if words[0].key in PREPOSITIONS or words[0].key in ("because", "to"):
        return True
    return not any(w.key in AUXILIARIES or is_predicate(words, w.at) for w in words[1:])


def event(words: Sequence[Word], at: int) -> Event:
    """Return the event whose verb stands at `at`; "was shot by X" is turned round."""
    subject, i = _subject(words, at), at - 1
    while i > 0 and words[i].adverb:
        i -= 1
    if i < 0 or words[i].key not in BE or not _participle(words[at]):
        return Event(subject, _phrase_after(words, at + 1))
    by = next((w for w in words[at + 1 : at + 8] if w.key == "by" or not w.root), None)
    return Event(_phrase_after(words, by.at + 1) if by and by.root else None, subject)


def names_after(words: Sequence[Word], at: int) -> set[str]:
    """Return the roots of the names that directly follow the word at `at`, commas and "and" between them allowed."""
    found = set()
    for word in words[at + 1 :]:
        if word.name and not word.possessive:
            found.add(word.root)
        elif word.text != "," and word.key not in ("and", "or"):
            break
    return found


def may_be_verb(words: Sequence[Word], at: int) -> bool:
    """Tell whether a verb could stand at `at`: a common word, not right after an article, a preposition or an owner."""
    if at == 0 or not words[at].content or words[at].name:
        return False
    left = words[at - 1]
    return not left.possessive and left.key not in DETERMINERS and left.key not in PREPOSITIONS


def is_predicate(words: Sequence[Word], at: int) -> bool:
    """Tell whether a word most likely is a verb or what a verb says of its subject: by what stands before it, or its ending."""
    i = _skip_back(words, at)
    if i == 0 or not may_be_verb(words, at):
        return False
    left = words[i - 1]
    if i < at and any(word.key in AUXILIARIES for word in words[i:at]):
        return True
    object_of_left = left.key.endswith("s") or _participle(left)  # "mends carts", "mended carts"
    ending = _participle(words[at]) or (words[at].key.endswith("s") and not object_of_left)
    return (
        left.name
        or left.key in PRONOUNS - DETERMINERS | {"who", "which", "that", "and", "but", "then", "to"}
        or (ending and (left.content or left.text == ","))
    )


def owned(words: Sequence[Word]) -> list[tuple[str, Word]]:
    """Return the root of each thing with its owner: "Ana's car", "her car", "the car of Ana"."""
    pairs = []
    for i, word in enumerate(words[:-1]):
        if word.possessive or word.key in ("his", "her", "its", "their"):
            thing = next((w for w in words[i + 1 : i + 4] if w.content), None)
            if thing is not None and not thing.name:
                pairs.append((thing.root, word))
        elif word.key == "of" and i and words[i + 1].name and words[i - 1].content:
            pairs.append((words[i - 1].root, words[i + 1]))
    return pairs


def _participle(word: Word) -> bool:
    return word.key.endswith(("ed", "en")) or word.key in IRREGULAR_ROOTS


def _skip_back(words: Sequence[Word], at: int) -> int:
    """Return where the auxiliaries and adverbs before a verb begin."""
    while at > 0 and (words[at - 1].key in AUXILIARIES or words[at - 1].adverb):
        at -= 1
    return at


def _subject(words: Sequence[Word], at: int) -> Phrase | None:
    """Return who does what the verb at `at` says; None where the words before it do not tell."""
    i = _skip_back(words, at)
    if i == 0:
        return None
    left = words[i - 1]
    if left.key == "to" and i > 1:  # "asks Ana to go": Ana goes; "tries to go": who tries goes
        asked = words[i - 2]
        return _phrase_before(words, i - 1) if asked.name or asked.key in PRONOUNS else _subject(words, i - 2) if asked.content else None
    if left.key in ("who", "which", "that") and i > 1:
        return _phrase_before(words, i - 2 if words[i - 2].text == "," else i - 1)
    if left.key in ("and", "then", "or", "but"):
        return _shared_subject(words, i - 1)
    if left.text == ",":  # "Ana, a friend, went"
        comma = next((j for j in range(i - 2, 0, -1) if not words[j].root), 0)
        return _joined(_phrase_before(words, comma), _phrase_before(words, i - 1)) if words[comma].text == "," else None
    return _phrase_before(words, i)


def _shared_subject(words: Sequence[Word], at: int) -> Phrase | None:
    """Return the subject of the nearest verb before `at` that has one, which a verb after "and" shares."""
    for j in range(at - 1, 0, -1):
        if words[j].text in ".;:":
            return None
        left = words[_skip_back(words, j) - 1].key
        aside = left in ("who", "which") and words[at - 1].text == ","  # "Ana, who is 5, and Bo"
        if is_predicate(words, j) and left not in ("and", "to") and not aside:
            return _subject(words, j)
    return None


def _phrase_before(words: Sequence[Word], end: int) -> Phrase | None:
    """Return the noun phrase that ends before `end`, with what "and" joins to it."""
    heads: list[Word] = []
    i = end - 1
    while i >= 0:
        word = words[i]
        if word.key in DETERMINERS and word.key != "her":
            i -= 1
            if heads and i > 0 and words[i].key == "of" and not any(head.name for head in heads):
                continue
            break
        if word.key == "of" and heads:
            heads = []
        elif word.key in PRONOUNS:
            heads += [] if heads else [word]
            i -= 1
            break
        elif word.content and not word.adverb:
            heads += [] if word.possessive else [word]
        else:
            break
        i -= 1
    phrase = Phrase(tuple(heads)) if heads else None
    if phrase and i > 0 and words[i].key == "and" and (words[i - 1].name or words[i - 1].key in PRONOUNS):
        return _joined(_phrase_before(words, i), phrase)
    return phrase


def _phrase_after(words: Sequence[Word], start: int) -> Phrase | None:
    """Return the noun phrase that begins at `start`, particles and adverbs skipped; None where something else begins there."""
    heads: list[Word] = []
    i = start
    while i < len(words) and (words[i].adverb or words[i].key in _PARTICLES):
        i += 1
    if i < len(words) and words[i].key in DETERMINERS:
        if words[i].key == "her" and (i + 1 == len(words) or not words[i + 1].content):
            return Phrase((words[i],))
        i += 1
    elif i < len(words) and words[i].key in PRONOUNS:
        return Phrase((words[i],))
    while i < len(words) and words[i].content and not (heads and heads[-1].name and not words[i].name):
        heads += [] if words[i].possessive else [words[i]]
        i += 1
    phrase = Phrase(tuple(heads)) if heads else None
    if phrase and i + 1 < len(words) and words[i].text == "," and words[i + 1].name and not heads[-1].name:
        return _joined(phrase, _phrase_after(words, i + 1))  # "her brother, Sam"
    return phrase


def _joined(one: Phrase | None, other: Phrase | None) -> Phrase | None:
    return Phrase(one.heads + other.heads) if one and other else one or other


def under_views(words: Sequence[Word], views: frozenset[str]) -> set[int]:
    """Return the places of the words that stand under "believes that", "may", ", she claims," and the like."""
    covered: set[int] = set()
    for word in words:
        if word.key not in views or word.name:
            continue
        if _governs(words, word):
            covered |= set(range(word.at + 1, _scope_end(words, word.at + 1)))
        elif word.key in BELIEFS and _is_aside(words, word.at):
            covered |= {w.at for w in words if not any(m.text in ".;" for m in words[min(w.at, word.at) : max(w.at, word.at)])}
    return covered


def _governs(words: Sequence[Word], word: Word) -> bool:
    """Tell whether a statement follows a word of view: "that …", a subject, ": …", or "to …" after "is said"."""
    if word.key in HEDGES:
        return True
    after = words[word.at + 1 : word.at + 6]
    mark = next((i for i, w in enumerate(after) if not w.root), len(after))
    if any(w.key == "that" for w in after[:mark]) or (mark < 2 and after[mark : mark + 1] and after[mark].text == ":"):
        return True
    if mark == 0:
        return False
    if words[word.at - 1].key in BE:
        return after[0].key == "to"
    return word.key not in REPORTS and mark > 1 and (after[0].name or after[0].key in DETERMINERS | PRONOUNS)


def _scope_end(words: Sequence[Word], start: int) -> int:
    """Return where a statement ends: at a full stop, a semicolon, a comma with "but", or with "and" and a new subject."""
    for i in range(start, len(words)):
        after = [w.key for w in words[i + 1 : i + 3]] + ["", ""]
        if words[i].text in ".;" or (
            words[i].text == "," and (after[0] in ("but", "yet", "so") or (after[0] == "and" and after[1] in PRONOUNS))
        ):
            return i
    return len(words)


def _is_aside(words: Sequence[Word], at: int) -> bool:
    """Tell whether a word stands in an aside between commas: ", she claims,"."""
    return any(w.text == "," for w in words[max(0, at - 3) : at]) and any(w.text == "," for w in words[at + 1 : at + 2])
