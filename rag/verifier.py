"""A claim and its cited text to a support in 0..1 with reasons. Pure functions; no model has a say here but by `similar`."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from rag.lexicon import BELIEFS, HEDGES, IRREGULAR_ROOTS, LIGHT_ROOTS, NEGATORS, REPORTS, root
from rag.questions import asked_for, fits
from rag.text import STOPWORDS, fold, numbers

SUPPORT_FLOOR = 0.75
"""Support a claim needs before it may be shown."""
SIMILAR_FLOOR = 0.6
"""Cosine from which two words count as near synonyms; below it are words that merely go together."""

Similar = Callable[[str, str], float]

_TOKEN = re.compile(r"(?P<word>\w+(?:['’]\w+)*(?:-\w+)*)|(?P<mark>[.,;:!?])")
_BRACKETS = re.compile(r"\s*\([^)]*\)")
_HE = frozenset("he him his himself".split())
_SHE = frozenset("she her hers herself".split())
_THEY = frozenset("they them their theirs themselves".split())
_IT = frozenset("it its itself".split())
_PRONOUNS = _HE | _SHE | _THEY | frozenset("it its i we you".split())
_BE = frozenset("is was are were be been being get got gets".split())
_AUXILIARIES = _BE | frozenset("has have had do does did will would can could may might must shall should not never to".split())
_DETERMINERS = frozenset("a an the this that these those his her its their our my your every each no any some another both".split())
_PREPOSITIONS = frozenset(
    "at in on from to with by for into of about against after before during under over near behind between through without near "
    "inside outside upon onto toward towards within across along around beside as than".split()
)
_CLAUSE_WORDS = frozenset("but while although though because so who which when if since as where whose that than yet whom and or".split())
_ADVERBS = frozenset("also then still too just only even again soon later once ever already there together".split())


@dataclass(frozen=True, slots=True)
class Verdict:
    """How far a cited text bears a claim, 0..1, and what speaks against it, in sentences for people."""

    support: float
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Word:
    """A word or a mark of a text: as written, folded, its root, its place, and the clause it stands in."""

    text: str
    key: str
    root: str
    at: int
    clause: int
    name: bool
    possessive: bool

    @property
    def content(self) -> bool:
        return bool(self.root) and self.key not in STOPWORDS and self.key not in NEGATORS


def verify(claim: str, cited: str, *, question: str = "", context: str = "", similar: Similar | None = None) -> Verdict:
    """Return how far a cited text bears a claim as an answer to a question, with the reasons against it.

    `context` is the heading and the sentences before the cited text, where a pronoun may find its name. A claim that is
    only a phrase is read as the question's sentence with the phrase in its gap.
    `similar` gives the cosine of two words, for paraphrases; without it only roots and near synonyms count.
    """
    names = _names(claim, cited, context, question)
    said, there, before = (_read(text, names) for text in (claim, cited, context))
    if not any(word.content for word in said):
        return Verdict(0.0, ("the claim says nothing that could be checked",))
    support, reasons = _coverage(said, there, before, similar)
    stated = _proposition(claim, question)
    full = _read(stated, names)
    for check in (_wrong_numbers(claim, cited), _flipped(full if stated != claim else said, there), _unhedged(said, full, there)):
        reasons += check
    reasons += _wrong_roles(_read(_BRACKETS.sub("", stated), names), _read(_BRACKETS.sub("", cited), names), before)
    reasons += _wrong_performer(stated, cited) + _off_question(claim, question, cited, said, there, before, stated != claim)
    return Verdict(0.0 if reasons else support, tuple(dict.fromkeys(reasons)))


# Reading


@lru_cache(maxsize=4096)
def _tokens(text: str) -> tuple[tuple[str, str, bool], ...]:
    """Return a text's words and marks: as written without possessive ending, folded, and whether it was possessive."""
    found = []
    for match in _TOKEN.finditer(text):
        written = match.group()
        bare = re.sub(r"['’]s?$", "", written)
        found.append((bare, fold(bare).replace("'", ""), bare != written))
    return tuple(found)


def _names(*texts: str) -> frozenset[str]:
    """Return the folded words that any of the texts writes with a capital inside a sentence, or only ever with one."""
    inside, opening, lower = set(), set(), set()
    for text in texts:
        previous = "."
        for written, key, _ in _tokens(text):
            if written[:1].isupper():
                (opening if previous in ".:!?" else inside).add(key)
            else:
                lower.add(key)
            previous = written
    return frozenset((inside | (opening - lower)) - STOPWORDS - NEGATORS - {"i"})


def _read(text: str, names: frozenset[str]) -> list[Word]:
    """Return a text's words and marks, numbered by clause."""
    clause, found = 0, []
    for at, (written, key, possessive) in enumerate(_tokens(text)):
        if written in ".,;:!?" or key in _CLAUSE_WORDS:
            clause += 1
        is_name = key in names and written[:1].isupper()
        found.append(Word(written, key, "" if written in ".,;:!?" else root(written), at, clause, is_name, possessive))
    return found


# Words


def _coverage(said: Sequence[Word], there: Sequence[Word], before: Sequence[Word], similar: Similar | None) -> tuple[float, list[str]]:
    """Return 1 less what the claim's words lack in the cited text, and what is missing outright."""
    known = {word.root for word in there}
    standing = _stand_ins(said, there, before)
    lacking, reasons, total, matched = 0.0, [], 0, 0
    for word in (w for w in said if w.content and not w.key.isdigit()):
        total += 1
        if word.root in known:
            matched += 1
        elif word.root in standing:
            continue
        elif word.name:
            reasons.append(f"the name {word.text} is not in the cited text")
        elif not _near(word, there, similar):
            lacking += _weight(word, said)
    if total and not matched and total > 1:
        reasons.append("the cited text shares no word with the claim")
    return max(0.0, 1 - lacking), reasons


def _near(word: Word, there: Sequence[Word], similar: Similar | None) -> bool:
    """Tell whether a word of the cited text means nearly the same."""
    if similar is None:
        return False
    return any(similar(word.key, other.key) >= SIMILAR_FLOOR for other in there if other.content and not other.name)


def _weight(word: Word, said: Sequence[Word]) -> float:
    """Return what a word costs that the cited text lacks: little for a light word or a predicate, more for a thing."""
    if word.root in LIGHT_ROOTS or word.key.endswith("ly"):
        return 0.1
    if word.key in BELIEFS | HEDGES:
        return 0.1
    if _predicate(said, word.at):
        return 0.2
    return 0.3


def _predicate(words: Sequence[Word], at: int) -> bool:
    """Tell whether a word stands where a verb does: after a subject, an auxiliary or "to"."""
    i = at - 1
    while i >= 0 and (words[i].key in _ADVERBS or words[i].key.endswith("ly")):
        i -= 1
    if i < 0:
        return False
    left = words[i]
    return (
        left.key in _AUXILIARIES
        or left.key in {"he", "she", "they", "it", "who", "which", "that", "and"}
        or (left.name and not left.possessive)
        or (left.content and not left.possessive and _participle(words[at]))
    )


def _stand_ins(said: Sequence[Word], there: Sequence[Word], before: Sequence[Word]) -> set[str]:
    """Return the roots of the context that a pronoun of the cited text may stand for, one name or thing a pronoun."""
    people = len(_unresolved(there, _HE)) + len(_unresolved(there, _SHE))
    its = int(any(w.key in _IT for w in there))
    things = its + int(any(w.key in _THEY for w in there))
    here = {w.root for w in there}
    around = {w.root for w in before if w.content}
    allowed: set[str] = set()
    spent_people = spent_things = 0
    previous_name = -2
    for word in said:
        if not word.content or word.root in here or word.root not in around or word.root in allowed:
            continue
        joined = word.name and previous_name == word.at - 1
        if word.name:
            previous_name = word.at
        if joined or (word.name and spent_people < people + its):
            spent_people += not joined
            allowed.add(word.root)
        elif not word.name and spent_things < things + people:
            spent_things += 1
            allowed.add(word.root)
    return allowed


def _unresolved(there: Sequence[Word], pronouns: frozenset[str]) -> set[str]:
    """Return {"x"}-like proof that one of the pronouns stands before any name of its text, so its name is in the context."""
    for word in there:
        if word.key in pronouns:
            return {word.key}
        if word.name and not word.possessive:
            return set()
    return set()


def _wrong_numbers(claim: str, cited: str) -> list[str]:
    """Return a reason for each number of the claim that the cited text has not, or not as often."""
    spare = Counter(_number_list(cited))
    spare.subtract(_number_list(claim))
    return [f"the number {number} is not in the cited text" for number, left in spare.items() if left < 0]


def _number_list(text: str) -> list[str]:
    found = []
    for written, key, _ in _tokens(text):
        found += sorted(numbers("2" if key == "twice" else written))
    return found


# Denial and attribution


def _flipped(said: Sequence[Word], there: Sequence[Word]) -> list[str]:
    """Return a reason where a clause of the claim denies what the best fitting clause of the cited text does not, or the reverse.

    Both together may still agree: "thinks that it will not come" and "does not expect it to come".
    """
    roots = {w.root for w in said if w.content and not w.name}
    touched = {w.clause for w in there if w.content and w.root in roots}
    if _denials(said) % 2 == _denials([w for w in there if w.clause in touched]) % 2:
        return []
    reasons = []
    for number in {w.clause for w in said}:
        clause = [w for w in said if w.clause == number]
        fitting = Counter(w.clause for w in there if w.content and w.root in {c.root for c in clause if c.content and not c.name})
        most = max(fitting.values(), default=0)
        denied = _denials(clause) % 2
        if most and all(_denials([w for w in there if w.clause == c]) % 2 != denied for c, n in fitting.items() if n == most):
            reasons.append("the cited text does not deny this" if denied else "the cited text denies this")
    return reasons


def _denials(words: Sequence[Word]) -> int:
    """Count the words that deny, with "too weak" and "ran out of"."""
    pairs = list(zip(words, words[1:], strict=False))
    too = sum(a.key == "too" and b.content for a, b in pairs)
    return sum(w.key in NEGATORS for w in words) + too + sum(a.root == "run" and b.key == "out" for a, b in pairs)


def _unhedged(said: Sequence[Word], stated: Sequence[Word], there: Sequence[Word]) -> list[str]:
    """Return a reason where the cited text only reports or supposes what the claim states.

    `stated` is the claim with the question around it where it is a mere phrase, which need not repeat who reports.
    """
    if any(w.key in BELIEFS | HEDGES | REPORTS or w.key == "according" for w in stated):
        return []
    scope = _scope(there, BELIEFS | HEDGES if len(stated) > len(said) else BELIEFS | HEDGES | REPORTS)
    roots = {w.root for w in said if w.content and not w.name} or {w.root for w in said if w.content}
    places = [{w.at in scope for w in there if w.root == r} for r in roots]
    inside = [p == {True} for p in places if p]
    if inside and sum(inside) * 2 > len(inside):
        return ["the cited text only reports this as somebody's view"]
    return []


def _scope(there: Sequence[Word], governors: frozenset[str]) -> set[int]:
    """Return the places of the words that stand under "believes that", "may", "presumably" and the like."""
    covered: set[int] = set()
    for word in there:
        if word.key in governors and _governs(there, word):
            covered |= set(range(word.at + 1, _scope_end(there, word.at + 1)))
        if word.key in governors and _aside(there, word):
            covered |= {w.at for w in there if w.text not in ".;" and _same_part(there, w.at, word.at)}
    return covered


def _governs(there: Sequence[Word], word: Word) -> bool:
    """Tell whether a statement follows a word of view: "that …", a subject, or "to …" after "is said"."""
    if word.key in HEDGES:
        return True
    after = there[word.at + 1 : word.at + 6]
    for i, other in enumerate(after):
        if other.key == "that" or (other.key == ":" and i < 2):
            return True
        if not other.root:
            break
    if not after or word.key in REPORTS:
        return bool(after) and after[0].key == "to" and there[word.at - 1].key in _BE
    passive = there[word.at - 1].key in _BE
    return (after[0].key == "to" and passive) or (not passive and (after[0].name or after[0].key in _DETERMINERS | _PRONOUNS))


def _scope_end(there: Sequence[Word], start: int) -> int:
    """Return where the statement ends: at a full stop or semicolon, or at a comma and "but", or "and" with a new subject."""
    for i in range(start, len(there)):
        after = there[i + 1].key if i + 1 < len(there) else ""
        if there[i].text in ".;":
            return i
        if there[i].text == "," and (
            after in ("but", "yet", "so") or (after == "and" and there[min(i + 2, len(there) - 1)].key in _PRONOUNS)
        ):
            return i
    return len(there)


def _aside(there: Sequence[Word], word: Word) -> bool:
    """Tell whether a word of view stands in an aside between commas: ", she claims,"."""
    before, after = there[max(0, word.at - 3) : word.at], there[word.at + 1 : word.at + 2]
    return word.key in BELIEFS and any(w.text == "," for w in before) and bool(after) and after[0].text == ","


def _same_part(there: Sequence[Word], one: int, other: int) -> bool:
    low, high = sorted((one, other))
    return not any(w.text in ".;" for w in there[low:high])


# Roles


@dataclass(frozen=True, slots=True)
class Phrase:
    """A noun phrase: its heads, and the owners it names ("Ana's old car": car, owned by Ana)."""

    heads: tuple[Word, ...]
    owners: tuple[Word, ...] = ()


def _left_phrase(words: Sequence[Word], end: int) -> tuple[Phrase | None, int]:
    """Return the noun phrase that ends before `end`, and where it begins."""
    heads: list[Word] = []
    owners: list[Word] = []
    i = end - 1
    while i >= 0:
        word = words[i]
        if word.key in _DETERMINERS:
            i -= 1
            if heads and i > 0 and words[i].key == "of":
                owners, heads = owners + heads, []
                i -= 1
                continue
            break
        if not word.root or word.key in _AUXILIARIES or (word.key in STOPWORDS and word.key != "of" and word.key not in _PRONOUNS):
            break
        if word.key == "of" and heads:
            owners, heads = owners + heads, []
        elif word.possessive:
            owners.append(word)
        else:
            heads.append(word)
            if word.key in _PRONOUNS:
                i -= 1
                break
        i -= 1
    return (Phrase(tuple(heads), tuple(owners)) if heads else None), i + 1


def _right_phrase(words: Sequence[Word], start: int) -> Phrase | None:
    """Return the noun phrase that begins at `start`, adverbs skipped; None where something else begins there."""
    heads: list[Word] = []
    owners: list[Word] = []
    i = start
    while i < len(words) and (
        words[i].key in _ADVERBS or words[i].key.endswith("ly") or words[i].key in {"away", "up", "out", "off", "down"}
    ):
        i += 1
    first = i
    while i < len(words):
        word = words[i]
        if word.key in _DETERMINERS - {"that"} and i == first:
            if word.key in _PRONOUNS:
                owners.append(word)
            i += 1
            continue
        if word.key in _PRONOUNS and i == first:
            return Phrase((word,))
        if not word.root or word.key in STOPWORDS or (heads and heads[-1].name and not word.name):
            break
        (owners if word.possessive else heads).append(word)
        i += 1
    phrase = Phrase(tuple(heads), tuple(owners)) if heads else None
    if phrase and i + 1 < len(words) and words[i].text == "," and words[i + 1].name and not heads[-1].name:
        return _joined(phrase, _right_phrase(words, i + 1))
    return phrase


def _joined(one: Phrase | None, other: Phrase | None) -> Phrase | None:
    """Return two phrases for one thing as one: "her brother, Sam"."""
    if one is None or other is None:
        return one or other
    return Phrase(one.heads + other.heads, one.owners + other.owners)


def _skip_back(words: Sequence[Word], at: int) -> int:
    """Return where the auxiliaries and adverbs before a verb begin."""
    while at > 0 and (words[at - 1].key in _AUXILIARIES - {"to"} or words[at - 1].key in _ADVERBS or words[at - 1].key.endswith("ly")):
        at -= 1
    return at


def _subject(words: Sequence[Word], at: int) -> Phrase | None:
    """Return who does what the verb at `at` says, as far as the words before it tell; None where they do not."""
    i = _skip_back(words, at)
    if i == 0:
        return None
    left = words[i - 1]
    if left.key == "to" and i > 1:
        control = words[i - 2]
        return (
            _left_phrase(words, i - 1)[0]
            if control.name or control.key in _PRONOUNS
            else _subject(words, i - 2)
            if control.content
            else None
        )
    if left.key in ("who", "which", "that") and i > 1:
        return _left_phrase(words, i - 2 if words[i - 2].key == "," else i - 1)[0]
    if left.key in ("and", "then", "or", "but"):
        return _shared_subject(words, i - 1)
    if left.key == ",":
        comma = next((j for j in range(i - 2, -1, -1) if words[j].text in ",.;:"), -1)
        return _joined(_left_phrase(words, comma)[0], _left_phrase(words, i - 1)[0]) if comma > 0 and words[comma].text == "," else None
    return _left_phrase(words, i)[0]


def _shared_subject(words: Sequence[Word], at: int) -> Phrase | None:
    """Return the subject of the nearest verb before `at` that has one, which a verb after "and" shares."""
    for j in range(at - 1, 0, -1):
        if words[j].text in ".;:":
            return None
        i = _skip_back(words, j)
        left = words[i - 1]
        if words[j].name or not words[j].content or i == 0 or left.possessive or words[j - 1].key in _DETERMINERS:
            continue
        ending = words[j].key.endswith(("s", "ed")) or words[j].key in IRREGULAR_ROOTS
        if left.name or left.key in ("he", "she", "they", "it", "who") or (left.content and (i < j or ending)):
            return _subject(words, j)
    return None


@dataclass(frozen=True, slots=True)
class Event:
    """Who (agent) does a thing to whom (patient), as far as the words tell."""

    agent: Phrase | None
    patient: Phrase | None


def _event(words: Sequence[Word], at: int) -> Event:
    """Return the event around a verb; "was shot by X" is turned round."""
    subject = _subject(words, at)
    i = at - 1
    while i > 0 and (words[i].key in _ADVERBS or words[i].key.endswith("ly") or words[i].key in NEGATORS):
        i -= 1
    if i >= 0 and words[i].key in _BE and _participle(words[at]):
        by = next((w.at for w in words[at + 1 : at + 8] if w.key == "by" or w.key in ",.;"), -1)
        agent = _right_phrase(words, by + 1) if by > 0 and words[by].key == "by" else None
        return Event(agent, subject)
    return Event(subject, _right_phrase(words, at + 1))


def _participle(word: Word) -> bool:
    return word.key.endswith(("ed", "en")) or word.key in IRREGULAR_ROOTS


def _verb_place(words: Sequence[Word], at: int) -> bool:
    """Tell whether a verb could stand here: not right after an article, a preposition or an owner."""
    left = words[at - 1] if at else None
    return left is not None and left.key not in _DETERMINERS | _PREPOSITIONS - {"to"} and not left.possessive


def _wrong_roles(said: Sequence[Word], there: Sequence[Word], before: Sequence[Word]) -> list[str]:
    """Return a reason where the cited text gives a part of the claim to somebody else."""
    reasons = []
    for verb in said:
        if not verb.content or verb.name or not _verb_place(said, verb.at):
            continue
        places = [w.at for w in there if w.root == verb.root and not w.name and _verb_place(there, w.at)]
        if not places:
            continue
        mine = _event(said, verb.at)
        if mine.agent is None and mine.patient is None:
            continue
        wrongs = [_clash(mine, _event(there, at), there, at, before) for at in places]
        if all(wrongs):
            reasons.append(wrongs[0])
    return reasons + _wrong_owners(said, there)


def _clash(mine: Event, theirs: Event, there: Sequence[Word], at: int, before: Sequence[Word]) -> str:
    for part, ours, other in (("agent", mine.agent, theirs.agent), ("patient", mine.patient, theirs.patient)):
        if ours and other and _differ(ours, other, there, before):
            shown = " ".join(w.text for w in sorted(other.heads, key=lambda w: w.at))
            return f"in the cited text it is {shown} who {'does' if part == 'agent' else 'undergoes'} this"
    return "in the cited text it is the other way round" if _crossed(mine, theirs, there[:at]) else ""


def _crossed(mine: Event, theirs: Event, earlier: Sequence[Word]) -> bool:
    """Tell whether "he … him" stands for two people of the claim the other way round: the one named first acts."""
    if not (mine.agent and mine.patient and theirs.agent and theirs.patient):
        return False
    pair = (theirs.agent.heads[0].key, theirs.patient.heads[0].key)
    if pair not in (("he", "him"), ("she", "her")):
        return False
    order = list(dict.fromkeys(w.root for w in earlier if w.name))
    one, other = ({w.root for w in p.heads if w.name} & set(order) for p in (mine.agent, mine.patient))
    return bool(one and other) and min(map(order.index, other)) < min(map(order.index, one))


def _differ(ours: Phrase, other: Phrase, there: Sequence[Word], before: Sequence[Word]) -> bool:
    """Tell whether two phrases name different people or things that the cited text knows both."""
    mine, theirs = {w.root for w in ours.heads}, {w.root for w in other.heads}
    if any(w.key in _PRONOUNS for w in ours.heads):
        return False
    pronoun = next((w for w in other.heads if w.key in _PRONOUNS), None)
    if pronoun is not None:
        earlier = {w.root for w in there[: pronoun.at] if w.name}
        if not earlier or _unresolved(there, _HE if pronoun.key in _HE else _SHE):
            earlier |= {w.root for w in before if w.name}
        named = {w.root for w in ours.heads if w.name}
        return bool(named and earlier and not named & earlier) and pronoun.key in _HE | _SHE
    given, their_given = [w.root for w in ours.heads if w.name], [w.root for w in other.heads if w.name]
    if mine & theirs:
        return False
    known = {w.root for w in there}
    return bool(given and their_given) or bool(mine & known)


def _wrong_owners(said: Sequence[Word], there: Sequence[Word]) -> list[str]:
    """Return a reason where a thing of one person in the claim is another person's in the cited text."""
    reasons = []
    theirs = list(_owned(there))
    for thing, owner in _owned(said):
        if not owner.name:
            continue
        others = [o for t, o in theirs if t == thing]
        if others and all(o.name and o.root != owner.root for o in others):
            reasons.append(f"in the cited text this belongs to {others[0].text}")
    return reasons


def _owned(words: Sequence[Word]) -> list[tuple[str, Word]]:
    """Return pairs of a thing and its owner: "Ana's car", "her car", "the car of Ana"."""
    pairs = []
    for i, word in enumerate(words[:-1]):
        if word.possessive or word.key in ("his", "her", "its", "their"):
            thing = next((w for w in words[i + 1 : i + 4] if w.content), None)
            if thing is not None and not thing.name:
                pairs.append((thing.root, word))
        elif word.key == "of" and i and words[i + 1].name and words[i - 1].content:
            pairs.append((words[i - 1].root, words[i + 1]))
    return pairs


_PLAYS = re.compile(r"\b(?:play(?:s|ed)?|portray(?:s|ed)?)\b")
_IN_BRACKETS = re.compile(r"([\w.’'-]+(?: [\w.’'-]+)?)[\"”]?\s*\(([^)]*)\)")


def _wrong_performer(stated: str, cited: str) -> list[str]:
    """Return a reason where the claim gives a part to a performer who stands in the brackets behind another name."""
    verb = _PLAYS.search(stated)
    if not verb:
        return []
    cast = [(set(map(fold, a.split())), set(map(fold, b.split()))) for a, b in _IN_BRACKETS.findall(cited)]
    one, other = ({fold(w) for w in re.findall(r"\w+", part) if w[0].isupper()} for part in (stated[: verb.start()], stated[verb.end() :]))
    if not cast or any((one & who and other & actor) or (other & who and one & actor) for who, actor in cast):
        return []
    return ["the cited text gives this part to another performer"]


# The question


def _proposition(claim: str, question: str) -> str:
    """Return the claim as a sentence: a mere phrase is put into the gap of its question ("Who shot Ana?" "Tom." → "Tom shot Ana")."""
    if not question or not _is_phrase(claim):
        return claim
    phrase = re.split(r",? (?:who|which)\b", claim.rstrip(" ."))[0]
    asked = question.rstrip(" ?")
    match = re.match(r"(?i)(who|what|which \w+)\s+(?!is\b|are\b|did\b|does\b|do\b|has\b|have\b)(.*)$", asked)
    if match:
        return f"{phrase} {match.group(2)}"
    match = re.match(r"(?i)whom?\s+(?:did|does|do)\s+(.*)$", asked)
    if match:
        return f"{match.group(1)} {phrase}"
    return claim


def _is_phrase(claim: str) -> bool:
    """Tell whether a claim is a phrase and no sentence: short, and nothing in it stands where a verb does."""
    words = _read(re.split(r",? (?:who|which)\b", claim)[0], _names(claim))
    if len(words) > 9:
        return False
    if words and words[0].key in ("because", "in", "at", "with", "to", "by", "on", "from"):
        return True
    verbs = (w for w in words[1:] if w.root and (w.key in _AUXILIARIES - {"to"} or _verb_like(words, w)))
    return not any(verbs)


def _verb_like(words: Sequence[Word], word: Word) -> bool:
    left = words[word.at - 1]
    if word.name or not word.content or left.possessive or not left.content:
        return False
    return word.key.endswith(("ed", "s")) if left.name else word.key.endswith("ed")


def _off_question(
    claim: str, question: str, cited: str, said: Sequence[Word], there: Sequence[Word], before: Sequence[Word], joined: bool
) -> list[str]:
    """Return a reason where the claim is not the kind of thing asked for, or repeats the question."""
    if not question:
        return []
    asked = {w.root for w in _read(question, frozenset())}
    open_question = re.match(r"(?i)\W*(?:who|whom|whose|what|which|when|where|why|how)\b", question)
    if open_question and all(w.root in asked for w in said if w.content):
        return ["this adds nothing to the question"]
    if joined or _is_phrase(claim):
        known = {w.root for w in (*there, *before)}
        identity = re.match(r"(?i)(?:who|what) (?:is|was|are|were) (.+?)\W*$", question)
        last = [w for w in _read(identity.group(1), frozenset()) if w.content] if identity else []
        if last and last[-1].root not in known:
            return [f"the cited text says nothing of {last[-1].text}"]
    phrase = _is_phrase(claim)
    kind = asked_for(question)
    if phrase and kind in ("time", "number") and not fits(kind, question, claim):
        return [f"this is no {kind}, which was asked for"]
    return []
