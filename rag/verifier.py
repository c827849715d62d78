"""A claim and its cited text to a support in 0..1, with reasons against it. Pure functions: no model, no network."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from rag.clauses import (
    HE,
    IT,
    LONGEST,
    PREPOSITIONS,
    SHE,
    THEY,
    Event,
    Phrase,
    Word,
    completed,
    event,
    is_phrase,
    is_predicate,
    names_after,
    names_in,
    owned,
    read,
    under_views,
)
from rag.lexicon import BELIEFS, HEDGES, LIGHT_ROOTS, NAMINGS, NEGATORS, REPORTS
from rag.questions import asked_for, fits
from rag.text import fold, numbers

SUPPORT_FLOOR = 0.75
"""Support a claim needs before it may be shown."""
UNLIKE, ALIKE = 0.3, 0.5
"""Cosines up to which two predicates have nothing in common, and from which they mean the same. Things get no such grace: a
closet and a bed are near words, and another place all the same."""
LACKING_THING, LACKING_PREDICATE, LACKING_LIGHT = 0.3, 0.4, 0.1
"""What one word costs that the cited text lacks; a predicate costs less the more of the rest is there."""

Similar = Callable[[str, str], float]

_BRACKETS = re.compile(r"\s*\([^()]{0,60}\)")
_LEAD = re.compile(r"(?i)^(?:yes|no)[,.:;]\s+(?=\w)")
_GENDERED = (HE, SHE)


@dataclass(frozen=True, slots=True)
class Verdict:
    """How far a cited text bears a claim, 0..1, and what speaks against it, in sentences for people."""

    support: float
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Case:
    """A claim and what it is held against, read into words: `stated` is the claim completed from its question."""

    said: list[Word]
    stated: list[Word]
    there: list[Word]
    before: list[Word]
    phrase: bool


def verify(claim: str, cited: str, *, question: str = "", context: str = "", similar: Similar | None = None) -> Verdict:
    """Return how far a cited text bears a claim as an answer to a question, with the reasons against it.

    `context` is the heading and the sentences before the cited text, where a pronoun may find its name. A claim that is a
    mere phrase is read as its question's sentence with the phrase in the gap.
    `similar` gives the cosine of two words, for paraphrases; without it only roots and near synonyms count.
    """
    claim = _LEAD.sub("", claim)
    if len(claim.split()) > LONGEST:
        return Verdict(0.0, (f"the claim has more than {LONGEST} words, too many to check",))
    names = names_in(claim, cited, context, question)
    stated = completed(claim, question)
    bare, whole, there, before = (read(_BRACKETS.sub("", text) or text, names) for text in (claim, stated, cited, context))
    case = Case(bare, whole, there, before, is_phrase(claim))
    if not any(word.content for word in case.said):
        return Verdict(0.0, ("the claim says nothing that could be checked",))
    if fold(claim) == fold(cited):
        return Verdict(1.0)
    support, lacks = _coverage(read(claim, names), read(cited, names), case.before, similar)
    wrong = _wrong_numbers(claim, cited) + _flipped(case) + _unhedged(case) + _wrong_roles(case) + _wrong_owners(case)
    wrong += _wrong_performer(stated, cited) + _off_question(case, claim, question)
    return Verdict(0.0 if wrong else support, tuple(dict.fromkeys(wrong + lacks)))


# Words, names and numbers


def _coverage(said: Sequence[Word], there: Sequence[Word], before: Sequence[Word], similar: Similar | None) -> tuple[float, list[str]]:
    """Return 1 less what the cited text lacks of the claim's words (0 where it lacks a name), and the words it lacks."""
    known = {word.root for word in there}
    standing = _stand_ins(said, there, before)
    content = [word for word in said if word.content and not numbers(word.text)]
    missing = [word for word in content if word.root not in known | standing]
    shared = [word for word in content if word.root in known]
    if content and not shared and (standing or len(content) > 1):
        return 0.0, ["the cited text shares no word with the claim"]
    things = sum(not word.name for word in shared)
    unused = [word for word in there if word.content and not word.name and word.root not in {w.root for w in said}]
    costs = [1.0 if word.name else _cost(word, said, things) * (1 - _likeness(word, unused, said, similar)) for word in missing]
    reasons = [f"{word.text} is not in the cited text" for word, cost in zip(missing, costs, strict=True) if cost > LACKING_LIGHT]
    return max(0.0, 1 - sum(costs)), reasons


def _cost(word: Word, said: Sequence[Word], things: int) -> float:
    """Return what a word costs that the cited text lacks."""
    if word.root in LIGHT_ROOTS or word.adverb or word.key in BELIEFS | HEDGES | REPORTS:
        return LACKING_LIGHT
    return LACKING_PREDICATE / max(1, things) if is_predicate(said, word.at) else LACKING_THING


def _likeness(word: Word, others: Sequence[Word], said: Sequence[Word], similar: Similar | None) -> float:
    """Return 0..1: how nearly one of the cited words that the claim leaves unused means the same as a predicate of the claim."""
    if similar is None or not is_predicate(said, word.at):
        return 0.0
    best = max((similar(word.key, other.key) for other in others), default=0.0)
    return min(1.0, max(0.0, (best - UNLIKE) / (ALIKE - UNLIKE)))


def _stand_ins(said: Sequence[Word], there: Sequence[Word], before: Sequence[Word]) -> set[str]:
    """Return the roots from the context that pronouns of the cited text may stand for: one name or thing for each kind of pronoun."""
    free = [group for group in (HE, SHE, IT, THEY) if _open_pronoun(group, said, there)]
    here, around = {w.root for w in there}, {w.root for w in before if w.content}
    allowed: set[str] = set()
    for word in said:
        if not word.content or word.root in here | allowed or word.root not in around:
            continue
        left = said[word.at - 1] if word.at else word
        if word.name and left.name and left.root in allowed:  # the second half of a full name
            allowed.add(word.root)
            continue
        group = next((group for group in free if _may_stand(group, word, said)), None)
        if group is not None:
            free.remove(group)
            allowed.add(word.root)
    return allowed


def _open_pronoun(group: frozenset[str], said: Sequence[Word], there: Sequence[Word]) -> bool:
    """Tell whether such a pronoun stands in the cited text, not in the claim, and (he, she) before any name it could mean."""
    first = next((w.at for w in there if w.key in group), -1)
    if first < 0 or sum(w.key in group for w in said) >= sum(w.key in group for w in there):
        return False
    return group not in _GENDERED or not any(w.name and not w.possessive for w in there[:first])


def _may_stand(group: frozenset[str], word: Word, said: Sequence[Word]) -> bool:
    """Tell whether a pronoun could mean a word of the claim: "they" no single person, "he" no place."""
    if group is THEY:
        return not word.name and word.key.endswith("s")
    if group is IT:
        return True
    return word.name or not any(w.key in PREPOSITIONS for w in said[max(0, word.at - 2) : word.at])


def _wrong_numbers(claim: str, cited: str) -> list[str]:
    """Return a reason for each number that the cited text has not, or not as often; "the two" and "one of" only refer."""
    plain = re.sub(r"(?i)\b(?:the|these|those|both|his|her|their) (?:two|three|four)\b|\bone\b", " ", claim)
    left = Counter(_numbers(cited))
    left.subtract(_numbers(plain))
    return [f"the number {number} is not in the cited text" for number, spare in left.items() if spare < 0]


def _numbers(text: str) -> list[str]:
    return [number for word in re.sub(r"(?i)\btwice\b", "two", text).split() for number in sorted(numbers(word))]


# Denial and attribution


def _flipped(case: Case) -> list[str]:
    """Return a reason where a clause of the claim denies what the best fitting clause of the cited text does not, or the reverse.

    Taken together both may still agree: "thinks that it will not come", "does not expect it to come".
    """
    roots = {w.root for w in case.stated if w.content and not w.name}
    touched = {w.clause for w in case.there if w.content and w.root in roots}
    if _denials(case.stated) % 2 == _denials([w for w in case.there if w.clause in touched]) % 2:
        return []
    reasons = []
    for number in {w.clause for w in case.stated}:
        clause = [w for w in case.stated if w.clause == number]
        meant = {w.root for w in clause if w.content and not w.name}
        fitting = Counter(w.clause for w in case.there if w.content and w.root in meant)
        best = {c for c, n in fitting.items() if n == max(fitting.values())}
        denied = _denials(clause) % 2
        if best and _denials([w for w in case.there if w.clause in best]) % 2 != denied:
            reasons.append("the cited text does not deny this" if denied else "the cited text denies this")
    return reasons


def _denials(words: Sequence[Word]) -> int:
    """Count the words that deny, with "too weak" and "ran out"."""
    pairs = sum((a.key == "too" and b.content) or (a.root, b.key) in (("run", "out"), ("refus", "to")) for a, b in pairwise(words))
    return sum(w.key in NEGATORS for w in words) + pairs


def _unhedged(case: Case) -> list[str]:
    """Return a reason where the cited text only reports or supposes what the claim states.

    A mere phrase need not repeat who reports, only who believes.
    """
    views = BELIEFS | HEDGES | REPORTS
    if any(w.key in views | NAMINGS | {"according"} and not w.name for w in case.stated):
        return []
    covered = under_views(case.there, views - REPORTS if case.phrase else views)
    roots = {w.root for w in case.said if w.content and not w.name} or {w.root for w in case.said if w.content}
    places = [{w.at in covered for w in case.there if w.root == r} for r in roots]
    found = [p for p in places if p]
    under = sum(p == {True} for p in found)
    return ["the cited text only reports this as somebody's view"] if under * 2 > len(found) else []


# Roles


def _wrong_roles(case: Case) -> list[str]:
    """Return a reason where the cited text gives a part of an event of the claim to somebody else."""
    reasons = []
    for verb in case.stated:
        if not is_predicate(case.stated, verb.at):
            continue
        mine = event(case.stated, verb.at)
        places = [w.at for w in case.there if w.root == verb.root and is_predicate(case.there, w.at)]
        clashes = [_clash(mine, event(case.there, at), case, at) for at in places]
        if clashes and all(clashes):
            reasons.append(clashes[0])
    return reasons or _wrong_names(case)


def _wrong_names(case: Case) -> list[str]:
    """Return a reason where other names follow a word than in the cited text: "her brother Sam", "thanks Ana"."""
    for word in case.stated:
        mine = names_after(case.stated, word.at) if word.content and not word.possessive else set()
        theirs = [names_after(case.there, w.at) for w in case.there if w.root == word.root and not w.possessive]
        if mine and theirs and all(t and not t & mine for t in theirs):
            return [f"in the cited text another name follows {word.text}"]
    return []


def _clash(mine: Event, theirs: Event, case: Case, at: int) -> str:
    """Return how two events with one verb contradict each other, or ""."""
    if _swapped(mine, theirs) or _crossed(mine, theirs, case.there[:at]):
        return "in the cited text it is the other way round"
    if _others(mine.agent, theirs.agent, case):
        return f"in the cited text it is {theirs.agent} who does this"
    return f"in the cited text this is about {theirs.patient}" if _others(mine.patient, theirs.patient, case) else ""


def _swapped(mine: Event, theirs: Event) -> bool:
    """Tell whether the one who acts in the claim suffers in the cited text, and does not act there as well."""
    if not (mine.agent and theirs.patient and theirs.agent):
        return False
    return bool(mine.agent.roots & theirs.patient.roots) and not mine.agent.roots & theirs.agent.roots


def _crossed(mine: Event, theirs: Event, earlier: Sequence[Word]) -> bool:
    """Tell whether "he … him" stands for two people of the claim the other way round: the one named first acts."""
    if not (mine.agent and mine.patient and theirs.agent and theirs.patient):
        return False
    if (theirs.agent.pronoun, theirs.patient.pronoun) not in (("he", "him"), ("she", "her")):
        return False
    stop = max((w.at for w in earlier if w.text == "."), default=-1)
    order = list(dict.fromkeys(w.root for w in earlier if w.name and w.at > stop))
    one, other = set(mine.agent.names) & set(order), set(mine.patient.names) & set(order)
    return bool(one and other) and min(map(order.index, other)) < min(map(order.index, one))


def _others(mine: Phrase | None, theirs: Phrase | None, case: Case) -> bool:
    """Tell whether two phrases name different people or things."""
    if mine is None or theirs is None or mine.pronoun:
        return False
    if theirs.pronoun:
        known = _meant(theirs, case)
        return bool(mine.names and known and not known & set(mine.names))
    if len(mine.names) > 1 and len(theirs.names) > 1:
        return mine.names[0] not in theirs.names and theirs.names[0] not in mine.names
    return bool(mine.names and theirs.names and not mine.roots & theirs.roots)


def _meant(phrase: Phrase, case: Case) -> set[str]:
    """Return the names a pronoun phrase may stand for: those in it, those before it, and the context's where it opens the text."""
    group = next((group for group in _GENDERED if phrase.pronoun in group), None)
    if group is None:
        return set()
    place = min(word.at for word in phrase.heads)
    earlier = {w.root for w in case.there[:place] if w.name} | set(phrase.names)
    first = next(w.at for w in case.there if w.key in group)
    opened = not any(w.name and not w.possessive for w in case.there[:first])
    return earlier | ({w.root for w in case.before if w.name} if opened or not earlier else set())


def _wrong_owners(case: Case) -> list[str]:
    """Return a reason where a thing of one person in the claim is another person's in the cited text."""
    theirs = owned(case.there)
    reasons = []
    for thing, owner in owned(case.said):
        others = [other for root, other in theirs if root == thing]
        if owner.name and others and all(other.name and other.root != owner.root for other in others):
            reasons.append(f"in the cited text this belongs to {others[0].text}")
    return reasons


_NAME = r"[A-Z][\w.’'-]*(?: [A-Z][\w.’'-]*)*"
_PLAYS = re.compile(
    rf"({_NAME}) (?:plays|played|portrays|portrayed) (?:the \w+ )?({_NAME})|({_NAME}),? (?:is |was )?(?:played|portrayed) by ({_NAME})"
)
_CAST = re.compile(r"([\w.’'-]+(?: [\w.’'-]+)?)[\"”]?\s*\(([^)]*)\)")


def _wrong_performer(stated: str, cited: str) -> list[str]:
    """Return a reason where the claim gives a part to a performer who stands in the brackets behind another name."""
    cast = [(_folded(who), _folded(actor)) for who, actor in _CAST.findall(cited)]
    for one, other, part, performer in _PLAYS.findall(stated):
        actor, who = _folded(one or performer), _folded(other or part)
        in_brackets = any(actor & a and (who <= w or w <= who) for w, a in cast)
        if not in_brackets and (cast or not re.search(r"\b(?:play|portray|star|cast|act)", cited)):
            return ["the cited text does not give this part to this performer"]
    return []


def _folded(text: str) -> set[str]:
    return {fold(word) for word in re.findall(r"\w+", text) if word[0].isupper()}


# The question


def _off_question(case: Case, claim: str, question: str) -> list[str]:
    """Return a reason where the claim repeats its question, or as a phrase is not the kind of thing asked for."""
    asked = {w.root for w in read(question, frozenset())}
    if re.match(r"(?i)\W*(?:who|whom|whose|what|which|when|where|why|how)\b", question) and all(
        w.root in asked for w in case.said if w.content
    ):
        return ["this adds nothing to the question"]
    kind = asked_for(question)
    if not case.phrase:
        return []
    if kind in ("time", "number") and not fits(kind, question, claim):
        return [f"this is no {kind}, which was asked for"]
    known = {w.root for w in (*case.there, *case.before)}
    part = re.match(r"(?:Who|What) (?:is|was) (?:the |\w+['’]s? )(\w+)(?: of [\w ]+)?\W*$", question)
    return [f"the cited text says nothing of a {part.group(1)}"] if part and read(part.group(1), frozenset())[0].root not in known else []
