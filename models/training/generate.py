"""Stories made by program, with questions about who did what to whom and why, and replies that another wording of them gives.

Names, trades and events are drawn at random, and deeds have rivals with the roles changed, so that nothing but the roles tells
the answer. Questions and replies use other words than the text. Some questions assume what the story denies, and get no reply.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field

from models.training import lexicon
from models.training.events import (
    ALONE,
    CAUSES,
    FILLERS,
    JOBS,
    PLACES,
    RELATIONS,
    THINGS,
    TO_PERSON,
    WITH_THING,
    Event,
    Form,
    Person,
    with_article,
)

_TAILS = (
    *["", "", ""], ", and nobody came to help", ", which surprised everyone", ", although the two had been close",
    ", as a later scene makes clear",
)  # fmt: skip
_LEADS = ("{a} had planned it for a long time.", "Then {a} lost all patience.", "{a} came back in secret.", "Nobody had suspected {a}.")
_BELIEFS = (
    "{b} was sure that {x} had {done}.",
    "Until then everyone thought that {x} had {done}.",
    "{x} had not {done}, whatever people said.",
)
_REASONS = (
    "{s} did it {long}.", "{s} acted {short}.", "The reason was simple: it was done {short}.", "{a} said later that it was done {short}.",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Told:
    """A question, a reply to it in other words than the text's, and the sentences that bear it; none where nothing does."""

    question: str
    reply: str = ""
    cited: tuple[str, ...] = ()


@dataclass
class Story:
    """A made text in sentences, with questions and replies to learn."""

    sentences: list[str] = field(default_factory=list)
    told: list[Told] = field(default_factory=list)


def stories(count: int, seed: int) -> Iterator[Story]:
    """Yield made stories; the same seed makes the same ones."""
    rng = random.Random(seed)
    for _ in range(count):
        yield _Maker(rng).make()


class _Maker:
    """Makes one story: people first, then what they do, paragraph by paragraph, then the order of the paragraphs."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self.people = _people(rng)
        self.told: list[Told] = []

    def make(self) -> Story:
        rng = self.rng
        paragraphs = [self._introduction(person) for person in rng.sample(self.people, rng.randint(3, 5))]
        for _ in range(rng.randint(4, 6)):
            paragraphs += self._scene()
        if rng.random() < 0.5:
            rng.shuffle(paragraphs)
        for paragraph in paragraphs:
            if rng.random() < 0.35:
                paragraph.insert(rng.randint(0, len(paragraph)), rng.choice(FILLERS))
        return Story([sentence for paragraph in paragraphs for sentence in paragraph], self.told)

    def _other(self, *but: Person | None) -> Person:
        return self.rng.choice([person for person in self.people if person not in but])

    # who people are

    def _introduction(self, p: Person) -> list[str]:
        rng, job = self.rng, with_article(p.job[0])
        text = rng.choice(
            [
                f"{p.full}, {p.age}, is {job} from {p.city}.",
                f"{p.first} ({p.actor}) works as {job} in {p.city}.",
                f"At the centre is {p.full} ({p.actor}), {job} with {p.firm}.",
                f"{p.actor} plays {p.full}, {job} who lives in {p.city}.",
            ]
        )
        asked = rng.choice([f"What is {p.first}'s job?", f"What does {p.first} do for a living?"])
        self.told.append(Told(asked, f"{p.first} is {job}.", (text,)))
        if p.actor in text:
            self.told.append(Told(f"Who plays {p.first}?", f"{p.actor} plays {p.first}.", (text,)))
        return [text, self._relation(p)] if rng.random() < 0.7 else [text]

    def _relation(self, p: Person) -> str:
        """Return a sentence that says what somebody is to somebody else."""
        rng, other = self.rng, self._other(p)
        who, whom = (p, other) if rng.random() < 0.6 else (other, p)
        relation = rng.choice([r for r in RELATIONS if r[2] != ("m" if who.female else "f")])
        lines = [f"{who.first} is {whom.first}'s {relation[0]}."]
        if whom is p:
            lines.append(f"{who.first} is {p.own} {relation[0]}.")
        else:
            lines.append(f"{p.they.capitalize()} is the {relation[0]} of {whom.full}.")
        line = rng.choice(lines)
        self.told.append(Told(f"Who is {whom.first}'s {relation[0]}?", f"{who.first} is {whom.first}'s {relation[0]}.", (line,)))
        return line

    # what they do

    def _scene(self) -> list[list[str]]:
        """Return one paragraph about an event, or two where a rival has one of its own."""
        rng = self.rng
        table = rng.choices([TO_PERSON, WITH_THING, ALONE], [5, 3, 2])[0]
        name = rng.choice(sorted(table))
        a, b = rng.sample(self.people, 2)
        scene = self._event(name, table[name], a, None if table is ALONE else b, thing=table is WITH_THING)
        if table is not TO_PERSON or rng.random() < 0.3:
            return [scene]
        c = self._other(a, b)  # a rival: the same deed with other roles
        rival = self._event(name, table[name], *rng.choice([(b, c), (c, a), (c, b)]), thing=False)
        return [scene + rival] if rng.random() < 0.5 else [scene, rival]

    def _event(self, name: str, forms: list[Form], agent: Person, patient: Person | None, *, thing: bool) -> list[str]:
        """Return the sentences that tell an event, and ask about it."""
        rng = self.rng
        if not any("P" in form.pattern.split() or "P," in form.pattern for form in forms):
            patient = None
        e = Event(forms, rng.choice(forms), agent, patient, rng.choice(THINGS) if thing else (), mutual=name in lexicon.MUTUAL)
        if rng.random() < 0.5:
            e.time = _time(rng)
        if rng.random() < 0.5:
            e.place = rng.choice(PLACES)
        if name in lexicon.VIOLENT and rng.random() < 0.6:
            e.tool = rng.choice(lexicon.INSTRUMENTS)
        if rng.random() < 0.55:
            words = {"s": agent.they, "o": agent.them, "h": agent.own, "R": self._other(agent, patient).first}
            long, short = rng.choice(CAUSES)
            e.cause = (long.format(**words), short.format(**words))
        return self._tell(e)

    def _tell(self, e: Event) -> list[str]:
        rng = self.rng
        later = bool(e.cause[0]) and rng.random() < 0.45  # the cause has a sentence of its own
        lead = rng.choice(_LEADS).format(a=e.agent.first) if rng.random() < 0.25 else ""
        deed = _deed(e, "" if later else e.cause[0], pronoun=bool(lead) and rng.random() < 0.8, rng=rng)
        reason = ""
        if later:
            reason = rng.choice(_REASONS).format(s=e.agent.they.capitalize(), a=e.agent.first, long=e.cause[0], short=e.cause[1])
        believed = self._belief(e) if e.patient and rng.random() < 0.3 else ""
        self._ask(e, tuple(s for s in (lead, deed) if s))
        return [s for s in (believed, lead, deed, reason) if s]

    def _belief(self, e: Event) -> str:
        """Return a sentence in which somebody is wrongly thought to have done it."""
        wrong = self._other(e.agent, e.patient)
        done = e.clause(e.told, e.told.participle, wrong.own)
        return self.rng.choice(_BELIEFS).format(b=self._other(e.agent, e.patient, wrong).first, x=wrong.first, done=done)

    def _ask(self, e: Event, cited: tuple[str, ...]) -> None:
        """Note questions about an event, mostly in other words than the text's: who did it, why, and why somebody else did."""
        rng, name = self.rng, e.agent.first
        form = rng.choice([f for f in e.forms if f != e.told]) if rng.random() < 0.75 else e.told
        did, does = e.clause(form, form.past, e.agent.own), e.clause(form, form.base, e.agent.own)
        extras = [x for x in (f"with {e.tool}" if e.tool else "", e.place[0] if e.place else "", e.time) if x]
        extra = f" {rng.choice(extras)}" if extras and rng.random() < 0.5 else ""
        self.told.append(Told(f"Who {did}?", f"{name} {did}{extra}.", cited))
        if e.cause[0] and e.cause[0] in cited[-1]:
            self.told.append(Told(f"Why did {name} {does}?", f"{name} {did} {e.cause[0]}.", cited))
        if e.patient and not e.mutual and rng.random() < 0.3:
            self.told.append(Told(f"Why did {e.patient.first} {e.clause(form, form.base, e.patient.own, name)}?"))


def _people(rng: random.Random) -> list[Person]:
    firsts = [(name, True) for name in rng.sample(lexicon.WOMEN, 4)] + [(name, False) for name in rng.sample(lexicon.MEN, 4)]
    rng.shuffle(firsts)
    lasts, jobs, cities = rng.sample(lexicon.SURNAMES, 14), rng.sample(JOBS, 8), rng.sample(lexicon.CITIES, 8)
    found = []
    for i, (first, female) in enumerate(firsts):
        actor = f"{rng.choice(lexicon.WOMEN if female else lexicon.MEN)} {lasts[8 + i % 6]}"
        found.append(Person(first, lasts[i], female, jobs[i], cities[i], rng.randint(17, 80), actor, rng.choice(lexicon.FIRMS)))
    return found


def _time(rng: random.Random) -> str:
    count = rng.choice(lexicon.NUMBERS)
    return rng.choice(
        [
            f"on {rng.choice(lexicon.WEEKDAYS)}", f"on {rng.choice(lexicon.MONTHS)} {rng.randint(1, 28)}", f"in {rng.randint(1950, 2024)}",
            f"{count} years later", f"{count} days before", f"at {count} o'clock",
        ]
    )  # fmt: skip


def _deed(e: Event, cause: str, *, pronoun: bool, rng: random.Random) -> str:
    """Return the sentence that tells an event: active, passive or cleft, with its adverbials in some order."""
    subject = e.agent.they.capitalize() if pronoun else (e.agent.first if rng.random() < 0.85 else e.agent.full)
    told = e.clause(e.told, e.told.past, e.agent.own)
    body = f"{subject} {told}"
    if not pronoun and e.told.passive and e.patient and not e.thing and rng.random() < 0.35:
        body = f"{e.patient.first} was {e.told.passive} by {subject}"
    elif not pronoun and rng.random() < 0.12:
        body = f"It was {subject} who {told}"
    adverbials = [x for x in (f"with {e.tool}" if e.tool else "", e.place[0] if e.place else "", e.time) if x]
    front = adverbials.pop() if adverbials and rng.random() < 0.35 else ""
    text = " ".join([body, *adverbials, cause]).strip() + ("" if cause else rng.choice(_TAILS)) + "."
    if not front:
        return text
    return f"{front[0].upper()}{front[1:]}, {text[0].lower() + text[1:] if text.startswith(('She ', 'He ', 'It was ')) else text}"
