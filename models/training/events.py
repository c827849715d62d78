"""People, events and the ways to say them: the parts of made stories."""

from __future__ import annotations

from dataclasses import dataclass

from models.training import lexicon


@dataclass(frozen=True)
class Person:
    """Somebody in a made story; `job` holds one trade in several words."""

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
        """First and last name."""
        return f"{self.first} {self.last}"

    @property
    def they(self) -> str:
        """The pronoun that acts."""
        return "she" if self.female else "he"

    @property
    def them(self) -> str:
        """The pronoun that suffers."""
        return "her" if self.female else "him"

    @property
    def own(self) -> str:
        """The pronoun that owns."""
        return "her" if self.female else "his"


@dataclass(frozen=True)
class Form:
    """One way to say an event: four parts of its verb, and the pattern of its clause (V the verb, P the person, O the thing)."""

    base: str
    past: str
    participle: str
    gerund: str
    pattern: str

    def clause(self, verb: str, person: str, thing: str, own: str) -> str:
        """Return the clause after its subject, with a form of the verb."""
        filled = {"V": verb, "P": person, "O": thing, "{h}": own}
        return " ".join(filled.get(word.rstrip(","), word.rstrip(",")) + "," * word.endswith(",") for word in self.pattern.split())

    @property
    def passive(self) -> str:
        """What follows "P was" in the passive, or "" where there is none."""
        first, second, *rest = [*self.pattern.split(), ""]
        return " ".join([self.participle, *rest]).strip() if (first, second) == ("V", "P") else ""


@dataclass
class Event:
    """Something that happens, told in one of its forms; what is not told of it is empty."""

    forms: list[Form]
    told: Form
    agent: Person
    patient: Person | None = None
    thing: tuple[str, ...] = ()
    time: str = ""
    place: tuple[str, ...] = ()
    tool: str = ""
    cause: tuple[str, str] = ("", "")
    mutual: bool = False

    def clause(self, form: Form, verb: str, own: str, patient: str = "") -> str:
        """Return the event after its subject, in a form's words; `patient` stands for the one who suffered it."""
        return form.clause(verb, patient or (self.patient.first if self.patient else ""), self.thing[0] if self.thing else "", own)


def with_article(noun: str) -> str:
    """Return a noun with "a" or "an", unless it is a phrase such as "keeper of gardens"."""
    return noun if noun.startswith(("member", "keeper", "owner")) else f"{'an' if noun[0] in 'aeiou' else 'a'} {noun}"


def _frames(table: dict[str, str]) -> dict[str, list[Form]]:
    return {name: [_form(line) for line in lines.splitlines()] for name, lines in table.items()}


def _form(line: str) -> Form:
    verb, _, pattern = line.partition(" :: ")
    base, past, participle, gerund = verb.split()
    return Form(base, past, participle, gerund, pattern or "V P")


def _rows(table: str) -> list[tuple[str, ...]]:
    return [tuple(line.split("|")) for line in table.splitlines()]


TO_PERSON, WITH_THING, ALONE = _frames(lexicon.PERSON), _frames(lexicon.THING), _frames(lexicon.LONE)
JOBS, THINGS, PLACES, CAUSES, RELATIONS = map(_rows, (lexicon.JOBS, lexicon.THINGS, lexicon.PLACES, lexicon.CAUSES, lexicon.RELATIONS))
FILLERS = lexicon.FILLERS.splitlines()
