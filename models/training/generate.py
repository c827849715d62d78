"""Stories made by program, with questions about who did what to whom, when, where, why and how, and the sentence that answers.

Names, trades and events are drawn at random, and each event has rivals with the roles changed, so that nothing but the roles
tells the answer. Questions use other words than the text. Some have no answer in the story, some assume what the story denies.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field

from training import lexicon as lex


@dataclass(frozen=True, slots=True)
class Made:
    """A question on a made story: `answers` are positions of sentences that each answer it, none where nothing does."""

    question: str
    kind: str
    answers: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Pair:
    """A claim and the text cited for it, for a verifier: `kind` names how the claim was made or spoilt."""

    question: str
    claim: str
    cited: str
    supported: bool
    kind: str


@dataclass
class Story:
    """A made text in sentences, with what is asked about it and claimed of it; `headings` by sentence position."""

    sentences: list[str] = field(default_factory=list)
    sections: list[str] = field(default_factory=list)
    paragraphs: list[int] = field(default_factory=list)
    questions: list[Made] = field(default_factory=list)
    pairs: list[Pair] = field(default_factory=list)


@dataclass
class Person:
    first: str
    last: str
    female: bool
    job: tuple[str, ...]
    city: str
    age: int
    actor: str
    firm: str

    @property
    def full(self) -> str:
        return f"{self.first} {self.last}"

    @property
    def pronouns(self) -> dict[str, str]:
        return {"s": "she", "o": "her", "h": "her"} if self.female else {"s": "he", "o": "him", "h": "his"}


@dataclass(frozen=True)
class Form:
    """One way to say an event: the verb's four parts and the pattern of its clause."""

    base: str
    past: str
    part: str
    ing: str
    pattern: str

    def clause(self, verb: str, patient: str, thing: str = "", own: str = "his") -> str:
        words = []
        for word in self.pattern.split():
            bare = word.rstrip(",")
            words.append({"V": verb, "P": patient, "O": thing, "{h}": own}.get(bare, bare) + word[len(bare):])
        return " ".join(words)

    @property
    def passive(self) -> str:
        """What follows "P was" in the passive, or "" where there is none."""
        first, second, *rest = [*self.pattern.split(), ""]
        return " ".join([self.part, *rest]).strip() if (first, second) == ("V", "P") else ""


@dataclass
class Event:
    forms: list[Form]
    agent: Person
    patient: Person | None
    thing: tuple[str, ...] = ()
    time: tuple[str, ...] = ()
    place: tuple[str, ...] = ()
    tool: str = ""
    cause: tuple[str, str] = ("", "")
    said: str = ""
    told: Form | None = None
    name: str = ""


def _frames(table: dict[str, str]) -> dict[str, list[Form]]:
    frames = {}
    for name, lines in table.items():
        forms = []
        for line in lines.splitlines():
            verb, _, pattern = line.partition(" :: ")
            forms.append(Form(*verb.split(), pattern or "V P"))
        frames[name] = forms
    return frames


PERSON, THING, LONE = _frames(lex.PERSON), _frames(lex.THING), _frames(lex.LONE)
_JOBS = [tuple(line.split("|")) for line in lex.JOBS.splitlines()]
_THINGS = [tuple(line.split("|")) for line in lex.THINGS.splitlines()]
_PLACES = [tuple(line.split("|")) for line in lex.PLACES.splitlines()]
_CAUSES = [tuple(line.split("|")) for line in lex.CAUSES.splitlines()]
_RELATIONS = [tuple(line.split("|")) for line in lex.RELATIONS.splitlines()]
_FILLERS = lex.FILLERS.splitlines()


class Maker:
    """Makes one story."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self.story = Story()
        women, men = rng.sample(lex.WOMEN, 4), rng.sample(lex.MEN, 4)
        names = [(n, True) for n in women] + [(n, False) for n in men]
        rng.shuffle(names)
        lasts, jobs, cities = rng.sample(lex.SURNAMES, 14), rng.sample(_JOBS, 8), rng.sample(lex.CITIES, 8)
        self.people = [
            Person(n, lasts[i], f, jobs[i], cities[i], rng.randint(17, 80), f"{rng.choice(lex.WOMEN if f else lex.MEN)} {lasts[8 + i % 6]}", rng.choice(lex.FIRMS))
            for i, (n, f) in enumerate(names)
        ]
        self.known: dict[str, list[str]] = {}
        self.blocks: list[list[str]] = []  # paragraphs
        self.pending: list[tuple[str, str, list[str]]] = []  # question, kind, answering sentences
        self.events: list[Event] = []

    # the text

    def make(self) -> Story:
        rng = self.rng
        for person in rng.sample(self.people, rng.randint(3, 5)):
            self._introduce(person)
        self._work()
        for _ in range(rng.randint(4, 6)):
            self._scene()
        order = self.blocks
        if rng.random() < 0.5:
            rng.shuffle(order)
        for block in list(order):
            if rng.random() < 0.35:
                block.insert(rng.randint(0, len(block)), rng.choice(_FILLERS))
        self._lay_out(order)
        return self.story

    def _lay_out(self, blocks: list[list[str]]) -> None:
        rng, section = self.rng, ""
        where: dict[str, int] = {}
        for number, block in enumerate(blocks):
            if rng.random() < 0.25:
                person = rng.choice(self.people)
                section = rng.choice([f"What happened to {person.first}?", f"The secret of {person.first}", "The ending", "How it began", f"{person.first} and {rng.choice(self.people).first}", "Who was to blame?"])
            for sentence in block:
                where.setdefault(sentence, len(self.story.sentences))
                self.story.sentences.append(sentence)
                self.story.sections.append(section)
                self.story.paragraphs.append(number)
        for question, kind, answers in self.pending:
            at = tuple(sorted({where[a] for a in answers}))
            self.story.questions.append(Made(self._style(question), kind, at))

    def _style(self, question: str) -> str:
        rng = self.rng
        text = question[0].upper() + question[1:]
        roll = rng.random()
        if roll < 0.12:
            text = text.lower()
        elif roll < 0.17:
            text = text.rstrip("?")
        if rng.random() < 0.05 and len(text) > 20:
            i = rng.randint(4, len(text) - 6)
            text = text[:i] + text[i + 1] + text[i] + text[i + 2 :]
        return text

    def _ask(self, kind: str, answers: list[str], *choices: str) -> None:
        self.pending.append((self.rng.choice(choices), kind, answers))

    def _claim(self, question: str, claim: str, cited: str, supported: bool, kind: str) -> None:
        self.story.pairs.append(Pair(question, claim[0].upper() + claim[1:], cited, supported, kind))

    def _other(self, *but: Person | None) -> Person:
        return self.rng.choice([p for p in self.people if p not in but])

    def _name(self, person: Person) -> str:
        return person.first if self.rng.random() < 0.85 else person.full

    # who people are

    def _introduce(self, person: Person) -> None:
        rng, p = self.rng, person
        job = p.job[0]
        block = []
        style = rng.randint(0, 4)
        sub = p.pronouns["s"].capitalize()
        if style == 0:
            text = f"{p.full}, {p.age}, is {_a(job)} from {p.city}."
            facts = {"job", "age", "city"}
        elif style == 1:
            text = f"{p.first} ({p.actor}) works as {_a(job)} in {p.city}."
            facts = {"job", "city", "actor"}
        elif style == 2:
            text = f"At the centre is {p.full} ({p.actor}), {_a(job)} with {p.firm}."
            facts = {"job", "actor", "firm"}
        elif style == 3:
            text = f"{p.full} has been {_a(job)} for years."
            block.append(text)
            self._fact_questions(p, {"job"}, text)
            text = f"{sub} grew up in {p.city} and turned {p.age} that spring."
            facts = {"city", "age"}
        else:
            text = f"{p.actor} plays {p.full}, {_a(job)} who lives in {p.city}."
            facts = {"actor", "job", "city"}
        block.append(text)
        self._fact_questions(p, facts, text)
        if rng.random() < 0.7:
            relation = rng.choice([r for r in _RELATIONS if ("f" if not p.female else "m") != r[2]])
            other = self._other(p)
            line = rng.choice([f"{other.first} is {p.pronouns['h']} {{r}}.", f"{p.first} is {other.first}'s {{r}}.", f"{sub} is the {{r}} of {other.full}."])
            if line.startswith(other.first):
                who, whom = other, p
                relation = rng.choice([r for r in _RELATIONS if ("f" if not other.female else "m") != r[2]])
            else:
                who, whom = p, other
            line = line.format(r=relation[0])
            block.append(line)
            near = rng.choice(relation[:2])
            self._ask("relation", [line], f"Who is {whom.first}'s {near}?", f"Who is the {near} of {whom.first}?", f"What is the name of {whom.first}'s {near}?")
            self._ask("relation", [line], f"How is {who.first} related to {whom.first}?", f"What is {who.first} to {whom.first}?", f"What ties {who.first} to {whom.first}?", f"Who is {who.first}?")
            cited = f"{text} {line}"
            self._claim(f"Who is {whom.first}'s {relation[0]}?", rng.choice([f"{who.first} is {whom.first}'s {relation[0]}.", f"{whom.first}'s {relation[0]} is {who.first}.", f"{who.first}."]), cited, True, "relation")
            if relation[0] not in lex.SYMMETRIC:
                self._claim(f"Who is {who.first}'s {relation[0]}?", rng.choice([f"{whom.first} is {who.first}'s {relation[0]}.", f"{who.first}'s {relation[0]} is {whom.first}."]), cited, False, "swapped")
            third = self._other(who, whom)
            self._claim(f"Whose {relation[0]} is {who.first}?", f"{who.first} is {third.first}'s {relation[0]}.", cited, False, "other person")
        self.blocks.append(block)

    def _fact_questions(self, p: Person, facts: set[str], text: str) -> None:
        rng = self.rng
        third = self._other(p)
        asks = {
            "job": [f"What does {p.first} do for a living?", f"What is {p.first}'s job?", f"What work does {p.first} do?", f"{p.first}'s occupation?", f"How does {p.first} earn money?", f"Which of them is {_a(rng.choice(p.job[1:]))}?", f"Who is {_a(rng.choice(p.job))}?"],
            "age": [f"How old is {p.first}?", f"What is {p.first}'s age?", f"What age is {p.first}?"],
            "city": [f"Where is {p.first} from?", f"Which town does {p.first} come from?", f"Where does {p.first} live?", f"Who is from {p.city}?"],
            "actor": [f"Who plays {p.first}?", f"Which {'actress' if p.female else 'actor'} is cast as {p.first}?", f"What is {p.actor}'s role?", f"Whom does {p.actor} portray?", f"Who stars as {p.full}?"],
            "firm": [f"What kind of business is {p.first} with?", f"Where does {p.first} work?", f"Who employs {p.first}?"],
        }
        for fact in sorted(asks):
            if fact in facts:
                if rng.random() < 0.5:
                    self._ask("fact", [text], *asks[fact])
            elif rng.random() < 0.12 and fact != "city":
                self._ask("none", [], *asks[fact][:2])
        right = {
            "job": f"{p.first} is {_a(rng.choice(p.job))}.", "age": f"{p.first} is {p.age} years old.", "city": f"{p.first} is from {p.city}.",
            "actor": f"{p.first} is played by {p.actor}.", "firm": f"{p.first} works for {p.firm}.",
        }
        wrong = {
            "job": f"{p.first} is {_a(third.job[0])}.", "age": f"{p.first} is {p.age + rng.choice([-9, -2, -1, 1, 3, 10])} years old.", "city": f"{p.first} is from {third.city}.",
            "actor": f"{p.first} is played by {third.actor}.", "firm": f"{p.first} works for {rng.choice([f for f in lex.FIRMS if f != p.firm])}.",
        }
        fact = rng.choice(sorted(facts))
        question = asks[fact][0]
        self._claim(question, right[fact], text, True, "fact")
        self._claim(question, wrong[fact], text, False, "wrong detail")
        missing = sorted(set(asks) - facts - {"city"})
        if missing:
            extra = rng.choice(missing)
            self._claim(asks[extra][0], right[extra], text, False, "not there")

    def _work(self) -> None:
        rng = self.rng
        if rng.random() < 0.6:
            return
        writer, maker = f"{rng.choice(lex.WOMEN)} {rng.choice(lex.SURNAMES)}", f"{rng.choice(lex.MEN)} {rng.choice(lex.SURNAMES)}"
        title = rng.choice(["The Glass Pier", "Seven Winters", "What the Tide Left", "A House Without Doors", "The Last Guest", "Salt and Iron"])
        count, date = rng.choice(lex.NUMBERS), f"{rng.choice(lex.MONTHS)} {rng.randint(1, 28)}"
        first = f"{title} is based on a novel by {writer} and was directed by {maker}."
        second = rng.choice([f"The series has {count} episodes and started on {date}.", f"All {count} parts have been out since {date}."])
        self.blocks.insert(0, [first, second])
        self._ask("fact", [first], f"Who wrote the book behind {title}?", "Which author does the story come from?", "What is it adapted from?")
        self._ask("fact", [first], f"Who directed {title}?", "Who was behind the camera?", "Who is the director?")
        self._ask("fact", [second], f"How many episodes does {title} have?", "How many parts are there?", "How long is the series?")
        self._ask("fact", [second], f"When did {title} premiere?", "When was it first shown?", "On what date did it come out?")

    # what people do

    def _scene(self) -> None:
        rng = self.rng
        kind = rng.random()
        table = PERSON if kind < 0.5 else THING if kind < 0.8 else LONE
        name = rng.choice(sorted(table))
        forms = table[name]
        a, b = rng.sample(self.people, 2)
        event = Event(forms, a, None if table is LONE else b, name=name)
        if table is THING:
            event.thing = rng.choice(_THINGS)
            if "P" not in forms[0].pattern.split():
                event.patient = None
        self._furnish(event, name)
        block, main = self._tell(event)
        if table is PERSON and rng.random() < 0.7:  # a rival: the same deed with other roles
            c = self._other(a, b)
            rival = Event(forms, *rng.choice([(b, c), (c, a), (c, b) if rng.random() < 0.3 else (b, c)]), name=name)
            self._furnish(rival, name)
            more, _ = self._tell(rival)
            if rng.random() < 0.5:
                block += more
            else:
                self.blocks.append(more)
        self.blocks.append(block)

    def _furnish(self, event: Event, name: str) -> None:
        rng = self.rng
        if rng.random() < 0.5:
            day = rng.choice(lex.WEEKDAYS)
            date = f"{rng.choice(lex.MONTHS)} {rng.randint(1, 28)}"
            year = rng.randint(1950, 2024)
            count = rng.choice(lex.NUMBERS)
            event.time = rng.choice([(f"on {day}", "day"), (f"on {date}", "date"), (f"in {year}", "year"), (f"{count} years later", "years"), (f"{count} days before", "days"), (f"at {count} o'clock", "hour")])
        if rng.random() < 0.5:
            event.place = rng.choice(_PLACES)
        if name in lex.VIOLENT and rng.random() < 0.6:
            event.tool = rng.choice(lex.INSTRUMENTS)
        if rng.random() < 0.55:
            third = self._other(event.agent, event.patient)
            words = {**event.agent.pronouns, "R": third.first}
            long, short = rng.choice(_CAUSES)
            event.cause = (long.format(**words), short.format(**words))

    def _tell(self, event: Event) -> tuple[list[str], str]:
        """Return the sentences that tell an event, after asking and claiming about it, and the one with the deed."""
        rng, e = self.rng, event
        form = e.told = rng.choice(e.forms)
        agent, patient = self._name(e.agent), self._name(e.patient) if e.patient else ""
        thing = e.thing[0] if e.thing else ""
        adverbials = [x for x in (f"with {e.tool}" if e.tool else "", e.place[0] if e.place else "", e.time[0] if e.time else "") if x]
        late_cause = bool(e.cause[0]) and rng.random() < 0.45
        inline = e.cause[0] if e.cause[0] and not late_cause else ""
        own = e.agent.pronouns["h"]
        block: list[str] = []
        told_before = rng.random() < 0.25
        if told_before:
            block.append(rng.choice([f"{agent} had planned it for a long time.", f"Then {agent} lost all patience.", f"{agent} came back in secret.", f"Nobody had suspected {agent}."]))
        subject = e.agent.pronouns["s"].capitalize() if told_before and rng.random() < 0.8 else agent
        if form.passive and e.patient and not e.thing and not told_before and rng.random() < 0.35:
            body = f"{patient} was {form.passive} by {agent}"
        elif not told_before and rng.random() < 0.12:
            body = f"It was {agent} who {form.clause(form.past, patient, thing, own)}"
        else:
            body = f"{subject} {form.clause(form.past, patient, thing, own)}"
        lead = adverbials.pop() if adverbials and rng.random() < 0.35 else ""
        text = " ".join([body, *adverbials, inline]).strip()
        text = f"{lead[0].upper() + lead[1:]}, {text if body.startswith((agent, patient or agent)) else text[0].lower() + text[1:]}" if lead else text
        extra = rng.choice(["", "", "", ", and nobody came to help", ", which surprised everyone", ", although the two had been close", ", as a later scene makes clear", f", while {self._other(e.agent, e.patient).first} looked on"]) if not inline else ""
        main = f"{text}{extra}."
        false_belief = ""
        if e.patient and rng.random() < 0.3:
            wrong = self._other(e.agent, e.patient)
            believer = self._other(e.agent, e.patient, wrong)
            false_belief = rng.choice([
                f"{believer.first} was sure that {wrong.first} had {form.clause(form.part, patient, thing, own)}.",
                f"Until then everyone thought that {wrong.first} had {form.clause(form.part, patient, thing, own)}.",
                f"{wrong.first} had not {form.clause(form.part, patient, thing, own)}, whatever people said.",
            ])
            block.insert(0, false_belief)
            self._hedged(e, wrong, false_belief, form, thing)
        block.append(main)
        cause_line = ""
        if late_cause:
            sub = e.agent.pronouns["s"].capitalize()
            cause_line = rng.choice([f"{sub} did it {e.cause[0]}.", f"{sub} acted {e.cause[1]}.", f"The reason was simple: it was done {e.cause[1]}.", f"{agent} said later that it was done {e.cause[1]}."])
            block.append(cause_line)
        self._questions(e, form, main, cause_line, subject != agent, false_belief)
        self._claims(e, form, " ".join(block[-(2 if cause_line or told_before else 1):]) if not (told_before and cause_line) else " ".join(block[-3:]), main)
        return block, main

    def _verb(self, event: Event) -> Form:
        """Return words to ask with: mostly others than those of the text."""
        others = [f for f in event.forms if f != event.told]
        return self.rng.choice(others) if self.rng.random() < 0.75 else event.told or event.forms[0]

    def _questions(self, e: Event, told: Form, main: str, cause_line: str, pronoun: bool, false_belief: str) -> None:
        rng = self.rng
        f = self._verb(e)
        a, p = e.agent.first, e.patient.first if e.patient else ""
        t = (e.thing[0] if rng.random() < 0.5 else rng.choice(e.thing)) if e.thing else ""
        if t and rng.random() < 0.6:
            t = "the " + t.partition(" ")[2] if not t.startswith("some ") else "the " + t[5:]
        own = e.agent.pronouns["h"]
        does = f.clause(f.base, p, t, own)
        did = f.clause(f.past, p, t, own)
        doing = f.clause(f.ing, p, t, own)
        where = f" {rng.choice(e.place)}" if e.place and rng.random() < 0.25 else ""
        self._ask("who", [main], f"Who {did}{where}?", f"Who {did}?", f"Who was responsible for {doing}?", f"By whom was it done, {doing}?", f"Which person {did}?", f"Who was it that {did}?", *([f"Who was {p} {f.passive.split()[0]} by?"] if f.passive and p and not t and len(f.passive.split()) == 1 else []))
        if e.patient and not t:
            self._ask("whom", [main], f"Who did {f.clause('X', '', '').join(['', '']) and a} {f.clause(f.base, '', '', own)}?".replace("  ", " ").replace(" ?", "?"), f"Whom did {a} {f.clause(f.base, '', '', own)}?".replace("  ", " ").replace(" ?", "?"), f"Which person suffered when {a} acted, {f.clause(f.ing, 'someone', t, own)}?")
        elif e.patient and rng.random() < 0.6:
            self._ask("whom", [main], f"Whom does it concern when {a} {f.clause(f.past, 'someone', t, own)}?", f"To or from whom did {a} {f.clause(f.base, 'someone', t, own)}?")
        if t:
            self._ask("what", [main], f"What did {a} {f.clause(f.base, p, 'X', own).replace(' X', '')}?", f"Which thing did {a} {f.clause(f.base, p, 'X', own).replace(' X', '')}?")
        if e.time:
            self._ask("when", [main], f"When did {a} {does}?", f"{'At what hour' if e.time[1] == 'hour' else 'What day or year was it when'} {'did ' + a + ' ' + does if e.time[1] == 'hour' else a + ' ' + did}?", f"At what time did {a} {does}?")
        elif rng.random() < 0.1:
            self._ask("none", [], f"On what date did {a} {does}?", f"In which year did {a} {does}?")
        if e.place:
            self._ask("where", [main], f"Where did {a} {does}?", f"In what place did {a} {does}?", f"Where was it that {a} {did}?", f"What happened {rng.choice(e.place)}?")
        elif rng.random() < 0.1:
            self._ask("none", [], f"Where did {a} {does}?", f"In which room did {a} {does}?")
        if e.tool:
            self._ask("how", [main], f"What did {a} use to {does}?", f"With what did {a} {does}?", f"How did {a} {does}?", f"What was the weapon of {a}?")
        elif e.patient and rng.random() < 0.1:
            self._ask("none", [], f"What weapon did {a} use to {does}?")
        if e.cause[0]:
            answer = [cause_line or main]
            self._ask("why", answer, f"Why did {a} {does}?", f"What made {a} {does}?", f"What was {a}'s reason for {doing}?", f"For what reason did {a} {does}?", f"What was the motive of {a}?", f"How come {a} {did}?")
        elif rng.random() < 0.1:
            self._ask("none", [], f"Why did {a} {does}?", f"What was {a}'s motive for {doing}?")
        self._ask("yes no", [main], f"Did {a} {does}?", f"Is it true that {a} {did}?", f"Was it {a} who {did}?")
        if e.patient:
            wrong = self._other(e.agent, e.patient)
            self._ask("false premise", [main], f"Why did {wrong.first} {does}?", f"When did {wrong.first} {does}?", f"How did {wrong.first} manage to {does}?", f"Did {wrong.first} {does}?")
            if rng.random() < 0.5:
                self._ask("what", [main, *([cause_line] if cause_line and rng.random() < 0.3 else [])], f"What happened to {p}?", f"What did {a} do to {p}?", f"What happened between {a} and {p}?", f"What became of {p}?")
        else:
            self._ask("what", [main], f"What did {a} do{where}?", f"What happened to {a}?", f"What became of {a}?")
        if false_belief:
            self._ask("belief", [false_belief], "Who was wrongly suspected?", f"Who was first thought to be behind it, {doing}?", f"What did people wrongly believe about {p}?")

    # what is claimed, rightly or not

    def _claims(self, e: Event, told: Form, cited: str, main: str) -> None:
        rng = self.rng
        f = e.told if rng.random() < 0.5 or e.told is None else self._verb(e)
        assert f is not None
        a, p = e.agent, e.patient
        t = e.thing[0] if e.thing else ""
        own = a.pronouns["h"]
        def say(agent: Person, patient: Person | None, thing: str = t) -> str:
            name = patient.first if patient else ""
            if f.passive and patient and not thing and rng.random() < 0.3:
                return f"{name} was {f.passive} by {agent.first}"
            return f"{agent.first} {f.clause(f.past, name, thing, agent.pronouns['h'])}"
        extras = [x for x in (f"with {e.tool}" if e.tool else "", e.place[0] if e.place else "", e.time[0] if e.time else "", e.cause[0] if rng.random() < 0.6 else "") if x]
        kept = rng.sample(extras, min(len(extras), rng.choice([0, 0, 1, 1, 2])))
        asks = f"Who {f.clause(f.past, p.first if p else '', t, own)}?"
        self._claim(asks, " ".join([say(a, p), *kept]) + ".", cited, True, "told")
        if rng.random() < 0.4:
            self._claim(asks, rng.choice([f"{a.first}.", f"It was {a.first}."]), cited, True, "short")
            if p:
                self._claim(asks, rng.choice([f"{p.first}.", f"It was {p.first}."]), cited, False, "wrong role")
        if e.cause[0] and rng.random() < 0.7:
            why = f"Why did {a.first} {f.clause(f.base, p.first if p else '', t, own)}?"
            self._claim(why, f"{say(a, p)} {rng.choice(e.cause)}.", cited, True, "cause")
            third = self._other(a, p)
            other = rng.choice([c for c in _CAUSES if c[0].split()[:5] != e.cause[0].split()[:5]])
            self._claim(why, f"{say(a, p)} {rng.choice(other).format(**a.pronouns, R=third.first)}.", cited, False, "wrong cause")
        if p and e.name not in lex.SYMMETRIC:
            self._claim(asks, " ".join([say(p, a), *kept]) + ".", cited, False, "swapped")
        third = self._other(a, p)
        spoilt = rng.choice(["agent", "patient", "place", "time", "tool", "thing", "not", "extra", "hedge"])
        text, kind = "", "other person"
        if spoilt == "agent" or (spoilt == "patient" and not p):
            text = f"{say(third, p)}"
        elif spoilt == "patient":
            text = f"{say(a, third)}"
        elif spoilt == "place":
            place = rng.choice([x for x in _PLACES if x != e.place])[0]
            text, kind = f"{say(a, p)} {place}", "wrong place" if e.place else "invented detail"
        elif spoilt == "time":
            text, kind = f"{say(a, p)} {rng.choice([f'on {rng.choice(lex.WEEKDAYS)} the {rng.randint(2, 28)}th', f'in {rng.randint(1950, 2024)}', f'{rng.choice(lex.NUMBERS)} months later'])}", "wrong time"
        elif spoilt == "tool":
            tool = rng.choice([x for x in lex.INSTRUMENTS if x != e.tool])
            text, kind = f"{say(a, p)} with {tool}", "wrong tool" if e.tool else "invented detail"
        elif spoilt == "thing" and t:
            text, kind = f"{say(a, p, rng.choice([x for x in _THINGS if x != e.thing])[0])}", "wrong thing"
        elif spoilt == "not":
            text, kind = rng.choice([f"{a.first} did not {f.clause(f.base, p.first if p else '', t, own)}", f"{a.first} never {f.clause(f.past, p.first if p else '', t, own)}"]), "denied"
        elif spoilt == "extra":
            text, kind = f"{say(a, p)} and then left for {rng.choice(lex.CITIES)}", "invented detail"
        else:
            text, kind = rng.choice([f"{third.first} proved that {say(a, p)}", f"{a.first} only pretended to {f.clause(f.base, p.first if p else '', t, own)}", f"{third.first} helped when {say(a, p)}"]), "invented detail"
        self._claim(asks, text + ".", cited, False, kind)
        if rng.random() < 0.3 and self.blocks:
            elsewhere = " ".join(rng.choice(self.blocks)[-2:])
            if p is None or a.first not in elsewhere or p.first not in elsewhere:
                self._claim(asks, f"{say(a, p)}.", elsewhere, False, "other sentence")

    def _hedged(self, e: Event, wrong: Person, line: str, form: Form, thing: str) -> None:
        own = wrong.pronouns["h"]
        p = e.patient.first if e.patient else ""
        past = f"{wrong.first} {form.clause(form.past, p, thing, own)}."
        question = f"Who {form.clause(form.past, p, thing, own)}?"
        self._claim(question, past, line, False, "modality")
        if " had not " in line:
            self._claim(question, f"{wrong.first} did not {form.clause(form.base, p, thing, own)}.", line, True, "denied kept")
        else:
            who = "everyone" if line.startswith("Until") else line.split()[0]
            self._claim(question, f"{who} believed that {wrong.first} had {form.clause(form.part, p, thing, own)}.", line, True, "hedge kept")


def _a(noun: str) -> str:
    return noun if noun.startswith(("member", "keeper", "owner")) else f"{'an' if noun[0] in 'aeiou' else 'a'} {noun}"


def stories(count: int, seed: int) -> Iterator[Story]:
    """Yield made stories; the same seed makes the same ones."""
    rng = random.Random(seed)
    for _ in range(count):
        yield Maker(rng).make()
