"""What may be asked about a person or an event of a made story: templates, and which sentence answers each kind of question."""

from __future__ import annotations

import random
from collections.abc import Iterator

from models.training.events import Event, Form, Person, with_article

Question = tuple[str, str]
"""A kind of question and the question. The kind tells what answers it: see `generate`."""

_FACTS = {
    "job": "What does {p} do for a living?|What is {p}'s job?|What work does {p} do?|{p}'s occupation?|How does {p} earn money?"
    "|Who is {job}?",
    "age": "How old is {p}?|What is {p}'s age?|What age is {p}?",
    "city": "Where is {p} from?|Which town does {p} come from?|Where does {p} live?|Who is from {city}?",
    "actor": "Who plays {p}?|Which {actress} is cast as {p}?|What is {actor}'s role?|Whom does {actor} portray?|Who stars as {full}?",
    "firm": "What kind of business is {p} with?|Where does {p} work?|Who employs {p}?",
}
_RELATION = (
    "Who is {b}'s {near}?|Who is the {near} of {b}?|What is the name of {b}'s {near}?",
    "How is {a} related to {b}?|What is {a} to {b}?|What ties {a} to {b}?|Who is {a}?",
)
_EVENT = {
    "who": "Who {did}?|Who {did}?|Who was responsible for {doing}?|Which person {did}?|Who was it that {did}?|Who {did} {where}?",
    "whom": "Who did {a} {does_to}?|Whom did {a} {does_to}?|Which person suffered when {a} acted, {doing_someone}?",
    "thing": "What did {a} {does_what}?|Which thing did {a} {does_what}?",
    "when": "When did {a} {does}?|At what time did {a} {does}?|What day or year was it when {a} {did}?|When was it that {a} {did}?",
    "where": "Where did {a} {does}?|In what place did {a} {does}?|Where was it that {a} {did}?|What happened {where}?",
    "how": "What did {a} use to {does}?|With what did {a} {does}?|How did {a} {does}?|What was the weapon of {a}?",
    "why": "Why did {a} {does}?|What made {a} {does}?|What was {a}'s reason for {doing}?|For what reason did {a} {does}?"
    "|What was the motive of {a}?|How come {a} {did}?",
    "yes no": "Did {a} {does}?|Is it true that {a} {did}?|Was it {a} who {did}?",
    "false premise": "Why did {x} {does}?|When did {x} {does}?|How did {x} manage to {does}?|Did {x} {does}?",
    "what": "What happened to {p}?|What did {a} do to {p}?|What happened between {a} and {p}?|What became of {p}?",
    "what alone": "What did {a} do?|What happened to {a}?|What became of {a}?",
    "belief": "Who was wrongly suspected?|Who was first thought to be behind it, {doing}?|What did people wrongly believe about {p}?",
}


def fact(person: Person, name: str, rng: random.Random) -> str:
    """Return a question about a fact of a person: its "job", "age", "city", "actor" or "firm"."""
    template = rng.choice(_FACTS[name].split("|"))
    return template.format(
        p=person.first, full=person.full, job=with_article(rng.choice(person.job)), city=person.city, actor=person.actor,
        actress="actress" if person.female else "actor",
    )  # fmt: skip


def relation(who: Person, whom: Person, near: str, rng: random.Random) -> list[str]:
    """Return two questions about what one person is to another; `near` is a word for it."""
    return [rng.choice(templates.split("|")).format(a=who.first, b=whom.first, near=near) for templates in _RELATION]


def event(e: Event, form: Form, wrong: Person, rng: random.Random) -> Iterator[Question]:
    """Yield questions about an event in the words of a form; `wrong` is somebody who did not do it."""
    words = _words(e, form, rng) | {"x": wrong.first}
    for kind in _kinds(e, rng):
        yield kind, rng.choice(_EVENT[kind].split("|")).format(**words)


def missing(e: Event, form: Form, rng: random.Random) -> Iterator[Question]:
    """Yield now and then a question about what is not told of an event."""
    words = _words(e, form, rng) | {"x": ""}
    told = {"when": e.time, "where": e.place, "why": e.cause[0]}
    for kind, known in told.items():
        if not known and rng.random() < 0.1:
            yield "none", _EVENT[kind].split("|")[0].format(**words)


def _kinds(e: Event, rng: random.Random) -> list[str]:
    told = {"thing": e.thing, "when": e.time, "where": e.place, "how": e.tool, "why": e.cause[0], "belief": e.believed}
    kinds = ["who", "yes no", *(kind for kind, known in told.items() if known)]
    if e.patient is None:
        return [*kinds, "what alone"]
    kinds += ["false premise"] + (["whom"] if not e.thing else [])
    return kinds + (["what"] if rng.random() < 0.5 else [])


def _words(e: Event, form: Form, rng: random.Random) -> dict[str, str]:
    """Return the pieces that the templates are filled with."""
    patient = e.patient.first if e.patient else ""
    thing = rng.choice(e.thing) if e.thing else ""
    if thing and rng.random() < 0.6:
        thing = f"the {thing.partition(' ')[2]}"
    own = e.agent.own

    def clause(verb: str, person: str = patient, what: str = thing) -> str:
        return " ".join(form.clause(verb, person, what, own).split())

    return {
        "a": e.agent.first, "p": patient, "did": clause(form.past), "does": clause(form.base), "doing": clause(form.gerund),
        "does_to": clause(form.base, ""), "doing_someone": clause(form.gerund, "someone"), "does_what": clause(form.base, patient, ""),
        "where": rng.choice(e.place) if e.place else "",
    }  # fmt: skip
