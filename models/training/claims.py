"""Claims about stories, true and spoilt, with the text cited for each: what a verifier learns to tell apart.

True claims are sentences trimmed, reworded or answered from; spoilt ones swap or replace somebody, deny, change a number or a
degree of certainty, add a detail, take another answer, or cite another sentence.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Sequence

from training.fairytale import Asked, Candidate
from training.generate import Pair
from training.paraphrase import SYNONYMS

_PEOPLE = frozenset(
    "king queen prince princess man woman boy girl mother father son daughter brother sister husband wife uncle aunt giant witch "
    "fairy wolf fox dog cat horse bear bird dragon soldier servant farmer hunter peasant stranger magician emperor shepherd monkey "
    "lion hare fisherman merchant miller tailor cook maid troll dwarf elf spirit bride child baby priest judge master mistress".split()
)
_OPPOSITES = [
    pair.split()
    for pair in (
        "young old|first last|before after|dead alive|always never|love hate|loved hated|happy sad|glad sorry|rich poor|good bad|big small|"
        "great little|day night|morning evening|up down|open closed|opened closed|found lost|gave took|came went|"
        "more less|many few|strong weak|beautiful ugly|black white|early late|near far|long short|friend enemy|"
        "inside outside|begin end|began ended|won lost|accepted refused|remembered forgot|bought sold|everybody nobody"
    ).split("|")
]
OPPOSITE = {a: b for x, y in _OPPOSITES for a, b in ((x, y), (y, x))}
_NUMBERS = "one two three four five six seven eight nine ten twelve twenty hundred".split()
_AUXILIARY = re.compile(r"\b(was|were|is|are|had|has|could|would|will|did|can|must|should)\b(?! not)")
_DENIED = re.compile(r"\b(was|were|is|are|had|has|could|would|will|did|can|must|should) not\b|\bnever\b")
_HEDGE = re.compile(
    r"\b(?:\w+ )?(?:thought|believed|supposed|said|feared|hoped|dreamed|imagined|fancied|pretended|declared|suspected|guessed)(?: that)? (?=(?:the|he|she|it|they|his|her|there|a)\b)"
)
_TAIL = re.compile(r"\b(?:with|in|at|on|under|behind|into|from|for|by|near|before|after|because) (?:the|a|an|his|her|their|he|she|they)\b[^,.;!?\"]{4,40}(?=[,.;!?])")
_CUT = re.compile(r"(?:, (?:and|but|for|so|when|while|who|which|as)|;|:) ")


def pairs(asked: Sequence[Asked], rng: random.Random) -> Iterator[Pair]:
    """Yield claims, true and spoilt in about equal numbers, from the questions of one story and the sentences that answer them."""
    everyone = sorted({w for a in asked for c in a.candidates[:10] for w in _people(c.text)})
    answers = [(a, c, a.answers[0]) for a in asked if a.sure and a.answers for c in a.candidates if c.label == 1]
    for a, c, answer in answers:
        yield from _answered(a, c, answer, answers, rng)
        yield from _told(a, c, everyone, rng)


def _answered(a: Asked, c: Candidate, answer: str, answers: Sequence[tuple[Asked, Candidate, str]], rng: random.Random) -> Iterator[Pair]:
    cited = _cited(c, rng)
    say = _sayer(a.question, rng)
    yield Pair(a.question, say(answer), cited, True, "answer")
    near = [c2 for c2 in a.candidates[:8] if c2.label == 0 and not c2.in_section]
    if near and rng.random() < 0.6:
        yield Pair(a.question, say(answer), _cited(rng.choice(near), rng), False, "other sentence")
    first = a.question.split()[0].lower()
    rivals = [x for b, _, x in answers if b.question.split()[0].lower() == first and b.kind == a.kind and _differ(x, answer)]
    if rivals:
        yield Pair(a.question, say(rng.choice(rivals)), cited, False, "other answer")
    there = [w for w in _people(c.text) if w.lower() not in answer.lower()]
    if first in ("who", "whose", "whom") and there:
        yield Pair(a.question, say(_the(rng.choice(there))), cited, False, "wrong role")


def _told(a: Asked, c: Candidate, everyone: Sequence[str], rng: random.Random) -> Iterator[Pair]:
    """Yield claims made of the sentence itself."""
    claim = _trim(c.text, rng)
    cited = _cited(c, rng)
    claim = _reword(claim, rng) if rng.random() < 0.5 else claim
    if len(claim.split()) >= 4:
        yield Pair(a.question, claim, cited, True, "told")
        if spoilt := _spoil(claim, c, everyone, a, rng):
            yield Pair(a.question, spoilt[0], cited, False, spoilt[1])
    hedged = _HEDGE.search(c.text)
    if hedged and '"' not in c.text:
        said = _trim(c.text[hedged.end() :], rng)
        if len(said.split()) >= 4:
            yield Pair(a.question, _sentence(said), cited, False, "modality")
            start = c.text[: hedged.end()]
            if len(start.split()) < 9:
                yield Pair(a.question, _sentence(start + said), cited, True, "hedge kept")


def _spoil(claim: str, c: Candidate, everyone: Sequence[str], a: Asked, rng: random.Random) -> tuple[str, str] | None:
    kinds = ["swap", "replace", "deny", "number", "opposite", "detail"]
    rng.shuffle(kinds)
    for kind in kinds:
        there = _people(claim)
        if kind == "swap" and len(set(there)) > 1:
            x, y = rng.sample(sorted(set(there)), 2)
            return _swap(claim, x, y), "swapped"
        if kind == "replace" and there:
            others = [w for w in everyone if w not in c.text and w not in c.previous]
            if others:
                return _swap(claim, rng.choice(there), rng.choice(others)), "other person"
        if kind == "deny":
            if _DENIED.search(claim):
                return _DENIED.sub(lambda m: m.group(1) or "always", claim, count=1), "denial dropped"
            if _AUXILIARY.search(claim):
                return _AUXILIARY.sub(r"\1 not", claim, count=1), "denied"
        words = claim.split()
        if kind == "number" and (at := [i for i, w in enumerate(words) if w.lower() in _NUMBERS[1:]]):
            i = rng.choice(at)
            words[i] = rng.choice([n for n in _NUMBERS[1:] if n != words[i].lower()])
            return " ".join(words), "wrong number"
        if kind == "opposite" and (at := [i for i, w in enumerate(words) if w.lower().strip(",.;") in OPPOSITE]):
            i = rng.choice(at)
            bare = words[i].lower().strip(",.;")
            words[i] = words[i].lower().replace(bare, OPPOSITE[bare])
            return " ".join(words), "opposite"
        if kind == "detail":
            tails = [m.group() for x in rng.sample(a.candidates[:20], min(5, len(a.candidates[:20]))) if x.text != c.text for m in _TAIL.finditer(x.text)]
            tails = [t for t in tails if t not in c.text and t not in c.previous]
            if tails:
                return claim.rstrip(".,;!?") + " " + rng.choice(tails) + ".", "invented detail"
    return None


def _people(text: str) -> list[str]:
    """Return the words that stand for somebody: common nouns for persons and animals, and names inside a sentence."""
    found = [w for w in re.findall(r"[A-Za-z]+", text) if w.lower() in _PEOPLE]
    return found + re.findall(r"(?<=[a-z,] )[A-Z][a-z]{2,}", text)


def _swap(text: str, x: str, y: str) -> str:
    return re.sub(rf"\b(?:{re.escape(x)}|{re.escape(y)})\b", lambda m: y if m.group() == x else x, text)


def _the(word: str) -> str:
    return word if word[0].isupper() else f"the {word}"


def _differ(x: str, y: str) -> bool:
    a, b = set(x.lower().split()), set(y.lower().split())
    return len(a & b) <= 0.3 * min(len(a), len(b))


def _cited(c: Candidate, rng: random.Random) -> str:
    return f"{c.previous} {c.text}".strip() if rng.random() < 0.4 else c.text


def _trim(text: str, rng: random.Random) -> str:
    parts = [p for p in _CUT.split(text.strip()) if len(p.split()) >= 4]
    if parts and rng.random() < 0.75:
        text = parts[0] if rng.random() < 0.7 else rng.choice(parts)
    return _sentence(text.strip(" \"'"))


def _sentence(text: str) -> str:
    text = text.strip().rstrip(",;:")
    return text[:1].upper() + text[1:] + ("" if text.endswith((".", "!", "?")) else ".")


def _reword(text: str, rng: random.Random) -> str:
    words = []
    for word in text.split(" "):
        options = SYNONYMS.get(word, [])
        words.append(rng.choice(options).format(p="their") if options and rng.random() < 0.5 else word)
    return " ".join(words)


def _sayer(question: str, rng: random.Random):
    """Return what makes a claim of an answer: the answer alone, or a statement with the question's words."""
    text = question.strip().rstrip("?").strip()

    def say(answer: str) -> str:
        answer = answer.strip().rstrip(".")
        if roll < 0.35:
            return _sentence(answer)
        if match := re.fullmatch(r"[Ww]ho (?!did\b|does\b)(.+)", text):
            return _sentence(f"{answer} {match.group(1)}")
        if match := re.fullmatch(r"[Ww]hy (did|was|were|does|is) (.+)", text):
            body = match.group(2) if match.group(1) in ("did", "does") else f"it is said of this: {match.group(2)}"
            return _sentence(f"{body} because {answer}") if match.group(1) in ("did", "does") else _sentence(f"because {answer}")
        if match := re.fullmatch(r"[Ww]h(?:at|ere) did (.+?)(?: do)?", text):
            return _sentence(f"{match.group(1)}: {answer}")
        return _sentence(answer)

    roll = rng.random()
    return say
