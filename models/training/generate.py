"""Stories made by program, with questions about who did what to whom, when, where, why and how, and the sentence that answers.

Names, trades and events are drawn at random, and each event has rivals with the roles changed, so that nothing but the roles
tells the answer. Questions use other words than the text. Some have no answer in the story, some assume what the story denies.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field

from models.training import asking, lexicon
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
_HEADINGS = ("What happened to {a}?", "The secret of {a}", "The ending", "How it began", "{a} and {b}", "Who was to blame?")
_TITLES = ("The Glass Pier", "Seven Winters", "What the Tide Left", "A House Without Doors", "The Last Guest", "Salt and Iron")
_MADE = {
    0: "Who wrote the book behind {t}?|Which author does the story come from?|What is it adapted from?",
    1: "Who directed {t}?|Who was behind the camera?|Who is the director?",
    2: "How many episodes does {t} have?|How many parts are there?|How long is the series?",
    3: "When did {t} premiere?|When was it first shown?|On what date did it come out?",
}


@dataclass(frozen=True, slots=True)
class Made:
    """A question on a made story: `answers` are positions of sentences that each answer it, none where nothing does."""

    question: str
    kind: str
    answers: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Told:
    """A question, a reply to it in other words than the text's, and the sentences that bear the reply."""

    question: str
    reply: str
    cited: tuple[str, ...]


@dataclass
class Story:
    """A made text in sentences, each in its section and paragraph, with what is asked about it and replies to learn."""

    sentences: list[str] = field(default_factory=list)
    sections: list[str] = field(default_factory=list)
    paragraphs: list[int] = field(default_factory=list)
    questions: list[Made] = field(default_factory=list)
    told: list[Told] = field(default_factory=list)


def stories(count: int, seed: int) -> Iterator[Story]:
    """Yield made stories; the same seed makes the same ones."""
    rng = random.Random(seed)
    for _ in range(count):
        yield _Maker(rng).make()


class _Maker:
    """Makes one story: paragraphs first, then their order, then the questions."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self.people = _people(rng)
        self.paragraphs: list[list[str]] = []
        self.asked: list[tuple[str, str, list[str]]] = []  # kind, question, sentences that answer
        self.told: list[Told] = []

    def make(self) -> Story:
        rng = self.rng
        for person in rng.sample(self.people, rng.randint(3, 5)):
            self._introduce(person)
        if rng.random() < 0.4:
            self._production()
        for _ in range(rng.randint(4, 6)):
            self._scene()
        if rng.random() < 0.5:
            rng.shuffle(self.paragraphs)
        for paragraph in self.paragraphs:
            if rng.random() < 0.35:
                paragraph.insert(rng.randint(0, len(paragraph)), rng.choice(FILLERS))
        return self._laid_out()

    def _laid_out(self) -> Story:
        """Return the story with its paragraphs in order, some under headings, and the questions as people type them."""
        rng, story, section = self.rng, Story(told=self.told), ""
        place: dict[str, int] = {}
        for number, paragraph in enumerate(self.paragraphs):
            if rng.random() < 0.25:
                a, b = rng.sample(self.people, 2)
                section = rng.choice(_HEADINGS).format(a=a.first, b=b.first)
            for sentence in paragraph:
                place.setdefault(sentence, len(story.sentences))
                story.sentences.append(sentence)
                story.sections.append(section)
                story.paragraphs.append(number)
        for kind, question, answers in self.asked:
            story.questions.append(Made(_typed(question, rng), kind, tuple(sorted({place[sentence] for sentence in answers}))))
        return story

    def _other(self, *but: Person | None) -> Person:
        return self.rng.choice([person for person in self.people if person not in but])

    # who people are

    def _introduce(self, p: Person) -> None:
        rng, job = self.rng, with_article(p.job[0])
        styles = [
            (f"{p.full}, {p.age}, is {job} from {p.city}.", ("job", "age", "city")),
            (f"{p.first} ({p.actor}) works as {job} in {p.city}.", ("job", "city", "actor")),
            (f"At the centre is {p.full} ({p.actor}), {job} with {p.firm}.", ("job", "actor", "firm")),
            (f"{p.they.capitalize()} grew up in {p.city} and turned {p.age} that spring.", ("city", "age")),
            (f"{p.actor} plays {p.full}, {job} who lives in {p.city}.", ("actor", "job", "city")),
        ]
        text, facts = rng.choice(styles)
        paragraph = [f"{p.full} has been {job} for years."] if text.startswith(("She", "He")) else []
        paragraph.append(text)
        for name in ("job", "age", "city", "actor", "firm"):
            if name in facts and rng.random() < 0.5:
                self.asked.append(("fact", asking.fact(p, name, rng), [text]))
            elif name not in (*facts, "city", "job") and rng.random() < 0.12:
                self.asked.append(("none", asking.fact(p, name, rng), []))
        if rng.random() < 0.7:
            paragraph.append(self._relation(p))
        self.paragraphs.append(paragraph)

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
        for question in asking.relation(who, whom, rng.choice(relation[:2]), rng):
            self.asked.append(("relation", question, [line]))
        self.told.append(Told(f"Who is {whom.first}'s {relation[0]}?", f"{who.first} is {whom.first}'s {relation[0]}.", (line,)))
        return line

    def _production(self) -> None:
        """Open with who wrote and directed the story, and when it was shown."""
        rng = self.rng
        title, author, director = rng.choice(_TITLES), rng.choice(lexicon.WOMEN), rng.choice(lexicon.MEN)
        one, two = rng.sample(lexicon.SURNAMES, 2)
        count, date = rng.choice(lexicon.NUMBERS), f"{rng.choice(lexicon.MONTHS)} {rng.randint(1, 28)}"
        made = f"{title} is based on a novel by {author} {one} and was directed by {director} {two}."
        shown = rng.choice([f"The series has {count} episodes and started on {date}.", f"All {count} parts have been out since {date}."])
        self.paragraphs.insert(0, [made, shown])
        for number, templates in _MADE.items():
            self.asked.append(("fact", rng.choice(templates.split("|")).format(t=title), [made if number < 2 else shown]))

    # what they do

    def _scene(self) -> None:
        rng = self.rng
        table = rng.choices([TO_PERSON, WITH_THING, ALONE], [5, 3, 2])[0]
        name = rng.choice(sorted(table))
        a, b = rng.sample(self.people, 2)
        paragraph = self._event(name, table[name], a, None if table is ALONE else b, thing=table is WITH_THING)
        self.paragraphs.append(paragraph)
        if table is TO_PERSON and rng.random() < 0.7:  # a rival: the same deed with other roles
            c = self._other(a, b)
            rival = self._event(name, table[name], *rng.choice([(b, c), (c, a), (c, b)]), thing=False)
            if rng.random() < 0.5:
                paragraph += rival
            else:
                self.paragraphs.append(rival)

    def _event(self, name: str, forms: list[Form], agent: Person, patient: Person | None, *, thing: bool) -> list[str]:
        """Return the sentences that tell an event, and ask about it."""
        rng = self.rng
        if not any("P" in form.pattern.split() or "P," in form.pattern for form in forms):
            patient = None
        e = Event(name, forms, agent, patient, rng.choice(THINGS) if thing else (), told=rng.choice(forms))
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
        if e.patient and rng.random() < 0.3:
            e.believed = self._belief(e)
        answers = {"why": reason or deed, "belief": e.believed}
        form = _other_form(e, rng)
        for kind, question in asking.event(e, form, self._other(e.agent, e.patient), rng):
            self.asked.append((kind.removesuffix(" alone"), question, [answers.get(kind, deed)]))
        for kind, question in asking.missing(e, form, rng):
            self.asked.append((kind, question, []))
        self._reply(e, form, tuple(s for s in (lead, deed) if s))
        return [s for s in (e.believed, lead, deed, reason) if s]

    def _belief(self, e: Event) -> str:
        """Return a sentence in which somebody is wrongly thought to have done it."""
        assert e.told is not None
        wrong = self._other(e.agent, e.patient)
        believer = self._other(e.agent, e.patient, wrong)
        done = e.told.clause(e.told.participle, e.patient.first if e.patient else "", e.thing[0] if e.thing else "", wrong.own)
        return self.rng.choice(_BELIEFS).format(b=believer.first, x=wrong.first, done=done)

    def _reply(self, e: Event, form: Form, cited: tuple[str, ...]) -> None:
        """Note a reply to who did it, in the words of a form, with one of the things that are told beside it."""
        patient, thing = e.patient.first if e.patient else "", e.thing[0] if e.thing else ""
        did = form.clause(form.past, patient, thing, e.agent.own)
        extras = [x for x in (f"with {e.tool}" if e.tool else "", e.place[0] if e.place else "", e.time) if x]
        extra = f" {self.rng.choice(extras)}" if extras and self.rng.random() < 0.5 else ""
        self.told.append(Told(f"Who {did}?", f"{e.agent.first} {did}{extra}.", cited))
        if e.cause[0] and e.cause[0] in cited[-1]:
            does = form.clause(form.base, patient, thing, e.agent.own)
            self.told.append(Told(f"Why did {e.agent.first} {does}?", f"{e.agent.first} {did} {e.cause[0]}.", cited))


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


def _other_form(e: Event, rng: random.Random) -> Form:
    """Return words to ask with: mostly others than those of the text."""
    others = [form for form in e.forms if form != e.told]
    return rng.choice(others) if rng.random() < 0.75 or e.told is None else e.told


def _deed(e: Event, cause: str, *, pronoun: bool, rng: random.Random) -> str:
    """Return the sentence that tells an event: active, passive or cleft, with its adverbials in some order."""
    assert e.told is not None
    patient, thing = e.patient.first if e.patient else "", e.thing[0] if e.thing else ""
    subject = e.agent.they.capitalize() if pronoun else (e.agent.first if rng.random() < 0.85 else e.agent.full)
    body = f"{subject} {e.told.clause(e.told.past, patient, thing, e.agent.own)}"
    if not pronoun and e.told.passive and patient and not thing and rng.random() < 0.35:
        body = f"{patient} was {e.told.passive} by {subject}"
    elif not pronoun and rng.random() < 0.12:
        body = f"It was {subject} who {e.told.clause(e.told.past, patient, thing, e.agent.own)}"
    adverbials = [x for x in (f"with {e.tool}" if e.tool else "", e.place[0] if e.place else "", e.time) if x]
    front = adverbials.pop() if adverbials and rng.random() < 0.35 else ""
    text = " ".join([body, *adverbials, cause]).strip() + ("" if cause else rng.choice(_TAILS)) + "."
    if not front:
        return text
    return f"{front[0].upper()}{front[1:]}, {text[0].lower() + text[1:] if text.startswith(('She ', 'He ', 'It was ')) else text}"


def _typed(question: str, rng: random.Random) -> str:
    """Return a question as people type it: now and then without capitals or the question mark, or with two letters swapped."""
    text = question[0].upper() + question[1:]
    roll = rng.random()
    text = text.lower() if roll < 0.12 else text.rstrip("?") if roll < 0.17 else text
    if rng.random() < 0.05 and len(text) > 20:
        i = rng.randint(4, len(text) - 6)
        text = text[:i] + text[i + 1] + text[i] + text[i + 2 :]
    return text
