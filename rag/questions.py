"""What a question asks for, and whether a sentence could hold a thing of that kind. Shapes of words only."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal

from rag.text import STOPWORDS, content_stems, fold, names, numbers, stem, words

Asked = Literal["performer", "definition", "person", "time", "number", "reason", "other"]

_ASKED: tuple[tuple[Asked, re.Pattern[str]], ...] = (
    ("performer", re.compile(r"\b(?:plays?|played|playing|portray\w*|actors?|actress(?:es)?|cast as)\b")),
    ("time", re.compile(r"\bwhen\b|\b(?:what|which) (?:year|date|day|month|time)\b")),
    ("number", re.compile(r"\bhow (?:many|much|old|long|often|far|tall)\b")),
    ("reason", re.compile(r"\bwhy\b|\bhow come\b|\breasons?\b|\bwhat (?:made|makes|drives|drove)\b|\bmotives?\b")),
    ("person", re.compile(r"\bwho(?:m|se|s)?\b|\bname[sd]?\b")),
)
_TIME = re.compile(
    r"\b(?:january|february|march|april|may|june|july|august|september|october|november|december|(?:mon|tues|wednes|thurs|fri|satur|sun)day"
    r"|years?|days?|weeks?|months?|night|morning|evening|hours?)\b|\d"
)
_REASON = re.compile(r"\b(?:because|since|due to|in order|so that|reasons?|motives?|convinced|persuaded|as (?:he|she|it|they))\b")
_FULL_NAME_IN_BRACKETS = re.compile(r"\(\s*([A-Z][\w.'’-]+(?: [A-Z][\w.'’-]+)+)\s*\)")


_DEFINED = re.compile(
    r"^\W*(?:and |so |but )?(?:who(?: is| was| are| were|'s)|what(?: is| was| are| were|'s)(?: the| an?)?)"
    r" (?P<thing>\w[\w'-]*(?: \w[\w'-]*)?)\W*$"
)


def _defined(question: str) -> str:
    """Return who or what a question asks to be told about ("who is Mara", "what is a weir"), folded; "" where it asks otherwise.

    "Who is the welder" asks for a person.
    """
    match = _DEFINED.search(fold(question))
    return match["thing"] if match and not set(match["thing"].split()) & STOPWORDS else ""


def asked_for(question: str) -> Asked:
    """Return the kind of thing a question asks for; "other" where its words do not tell."""
    folded = fold(question)
    if _defined(question):
        return "definition"
    return next((kind for kind, pattern in _ASKED if pattern.search(folded)), "other")


_SEVERAL = re.compile(
    r"(?<!\bthe )\b(?:two|three|four|five|both)\b|\b(?:all|every(?:body|one)?|list|several|things|people|characters|steps|places)\b"
    r"|(?<!how )\bmany\b|\b(?:names|reasons|ways)\b"
    r"|(?<=[\w,;?] )and (?:who|what|where|when|how|why|that|is|was|did|does)\b|\bwhat happen\w*|\bsummar\w*|\btell me\b|\bdifferen\w*"
)


def asks_for_several(question: str) -> bool:
    """Tell whether a question asks for more than one thing: a list, two questions in one, a summary, a comparison.

    Capitalised words after the first are parts of names and ask for nothing.
    """
    return bool(_SEVERAL.search(fold(re.sub(r"(?<=\s)[A-Z]\w*", "", question))))


def fits(asked: Asked, question: str, sentence: str, previous: str = "") -> float:
    """Return how well a sentence, after the `previous` one, could hold what is asked for, 0..1; 0 for "other"."""
    if asked == "performer":
        return _performer_fit(question, sentence)
    if asked == "definition":
        return float(_defines(_defined(question), fold(sentence), fold(previous)))
    if asked == "person":
        return float(bool(names(sentence) - {fold(word) for word in words(question)}))
    if asked == "number":
        return float(bool(numbers(sentence)))
    if asked == "time":
        return float(bool(_TIME.search(fold(sentence))))
    if asked == "reason":
        return float(bool(_REASON.search(fold(sentence))))
    return 0.0


_NAME_OF = re.compile(
    r"\bname (?:of|for) (?:[\w']+ )*?(?P<of>\w+) *(?:$|\?|\b(?:of|in|on|at|who|whose|that|which)\b)"
    r"|'s? (?P<called>\w+) (?:called|named)\b|'s? (?P<own>\w+)'s name\b"
)
_BETWEEN_BEFORE = 3
_LINKS = frozenset(("is", "was", "named", "called", "the"))


def unnamed(question: str, sentences: Sequence[str]) -> bool:
    """Tell whether a question asks for the name of some thing ("the name of Mara's boat") that no sentence gives one.

    A name belongs to the thing where it stands beside it: "her boat, the Petrel", "the Petrel, which is her boat".
    """
    match = _NAME_OF.search(fold(question))
    if not match or asked_for(question) == "performer":
        return False
    thing = stem(next(group for group in match.groups() if group))
    given = {stem(word) for word in words(question)}
    return not any(_named_beside(thing, given, re.sub(r"\([^)]*\)", "", sentence)) for sentence in sentences)


_DEED = re.compile(r"^\W*(?:and |so |but )?who (?P<did>\w+)|^\W*(?:where|when) (?:was|were) .*?(?P<done>\w+ed)\W*$", re.IGNORECASE)
_LIGHT = frozenset("get gets got go goes went said says".split())


def deed(question: str) -> tuple[int, int] | None:
    """Return where a question names what somebody did ("who composed …", "where was it filmed"), None where it does not."""
    match = _DEED.search(question)
    if not match or match.group(match.lastgroup or 0).casefold() in STOPWORDS | _LIGHT:
        return None
    return match.span(match.lastgroup or 0)


_QUANTITY = re.compile(
    r"\bhow (?:many|old|tall|far|often|long)\b|\bhow much (?:is|was|were|are|money|cash|time)\b"
    r"|\bhow much .*\b(?:cost|pay|paid|earn|owe|ask)\b"
)
_OF_QUANTITY = frozenset(map(stem, "many much old long tall far often time times year years day days ago money".split()))
_MEASURED_NEAR = 8
"""Words between a number and what it may measure, at most."""


def unmeasured(question: str, sentences: Sequence[str]) -> bool:
    """Tell whether a question asks for a quantity ("how much was the ransom") of which no sentence gives one.

    A number, or a time, measures what stands near it. Where the question holds more than names, a name is what is measured
    only by its age.
    """
    asked = _QUANTITY.search(fold(question))
    if not asked:
        return False
    called = {stem(name) for sentence in sentences for name in names(f"x {sentence}")}
    things = set(content_stems(question)) - _OF_QUANTITY
    if asked.group() != "how old":
        things = things - called or things
    return not any(_measured(things, words(sentence)) for sentence in sentences)


def _measured(things: set[str], said: Sequence[str]) -> bool:
    measures = [i for i, word in enumerate(said) if numbers(word) or _TIME.search(fold(word))]
    return any(abs(i - j) <= _MEASURED_NEAR for j, word in enumerate(said) if stem(word) in things for i in measures)


def _named_beside(thing: str, given: set[str], sentence: str) -> bool:
    found, called = words(sentence), names(f"x {sentence}")
    for i, word in enumerate(found):
        if stem(word) == thing:
            after = [other for other in found[i + 1 : i + 3] if fold(other) not in _LINKS][:1]
            near = [*found[max(0, i - _BETWEEN_BEFORE - 1) : i], *after]
            if any(fold(other) in called and stem(other) not in given for other in near):
                return True
    return False


def performers(sentence: str) -> dict[str, str]:
    """Return folded first or last name → performer, for every name that is followed by a full name in brackets."""
    found: dict[str, str] = {}
    for match in _FULL_NAME_IN_BRACKETS.finditer(sentence):
        before = words(sentence[: match.start()])[-2:]
        found |= {fold(word): match.group(1) for word in before if word[:1].isupper()}
    return found


def _defines(thing: str, sentence: str, previous: str) -> bool:
    """Tell whether a sentence says who or what something is: "Mara, a welder", "her aunt, Mara", "Mara is the", "It is a" after it."""
    called, some = rf"\b{re.escape(thing)}\b", r"(?:an?|the|his|her|their)\b"
    after = rf"{called}(?: \w+)?(?: ?\([^)]*\))?(?:, (?:{some}|who\b|whose\b|which\b)| (?:is|was|are|were) {some})"
    before = rf"\b{some}(?: [\w'-]+){{1,3}}, {called}"
    opens = rf"^\W*(?:it|he|she|they|this|that) (?:is|was|are|were) {some}"
    return bool(re.search(f"{after}|{before}", sentence) or (re.search(opens, sentence) and re.search(called, previous)))


def _performer_fit(question: str, sentence: str) -> float:
    """Return 1 where somebody the question names is followed by a full name in brackets, 0.5 where anybody is."""
    asked = {fold(word) for word in words(question)}
    found = list(_FULL_NAME_IN_BRACKETS.finditer(sentence))
    if any({fold(word) for word in words(sentence[: match.start()])[-3:]} & asked for match in found):
        return 1.0
    return 0.5 if found else 0.0
