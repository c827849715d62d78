"""A question said in other words: its frame turned round and its words replaced by others that mean the same."""

from __future__ import annotations

import random
import re

_WORDS = """after|once|following the moment when
agree|consent
afraid|scared|frightened
angry|furious|cross
arrive|get there
arrived|got there
ask|request
asked|requested
beautiful|lovely|good-looking
begin|start
boy|lad|youngster
bride|newly-wed woman
bring|fetch
brothers|male siblings
brother|male sibling
bull|ox
buy|purchase
cabin|hut
care|look out
carry|transport
castle|fortress
catch|capture
caught|captured
change|alter
child|kid|youngster
children|kids|youngsters
clothes|garments|outfit
come|show up
country|land
cry|weep
daughter|girl|female child
daughters|girls
death|end
decide|resolve|make up {p} mind
die|perish|pass away
died|perished|passed away
dragon|monster
eat|consume|feed on
elder|older
emperor|ruler
entered|went into
escape|get away|flee
escaped|got away|fled
father|dad
feel|react emotionally
fell|dropped
fight|do battle with
find|come across|discover
fish|catch from the water
food|something to eat
forest|woods
found|came across|discovered
friend|companion
friends|companions
gave|handed|presented
get|obtain
girl|young lady
give|hand
given|handed
gold|precious metal
golden|made of gold
happen|occur
happened|occurred
happy|glad|cheerful
hear|learn of
heard|learnt of
help|assist|aid
hide|conceal
home|house
horse|steed
house|dwelling|home
husband|spouse
hunter|huntsman
journey|trip
keep|hold on to
killed|slew|murdered
kill|slay|murder
king|monarch|ruler
king's|ruler's|royal
laugh|burst out laughing
leave|depart|go away
left|departed|went away
let|allow
like|enjoy
live|dwell|reside
lived|dwelt|resided
look|gaze
lost|no longer had
love|adore
maiden|young woman
make|produce
man|fellow|male person
marry|wed
married|wed
meet|encounter|run into
met|encountered|ran into
money|cash|funds
mother|mum
mountain|peak
murder|kill
need|require
needed|required
neighbor|person next door
night|hours of darkness
old|aged|elderly
palace|royal residence
parents|mother and father
peasant|farm worker
people|folk
poor|penniless|needy
prince|son of a king
princess|king's daughter
promise|vow|pledge
promised|vowed|pledged
queen|monarch's wife
reach|get to
reached|got to
realize|understand
realized|understood
return|come back
returned|came back
river|stream
rich|wealthy
run|rush
sad|unhappy
saw|noticed|spotted
say|state
scared|afraid
sea|ocean
see|notice|spot
send|dispatch
sent|dispatched
servant|attendant
servants|attendants
ship|vessel
shoe|footwear
sick|ill|unwell
sister|female sibling
sisters|female siblings
sleep|slumber
soldier|warrior
son|boy|male child
sons|boys
stay|remain
steal|take by stealth
stop|prevent
stole|took by stealth
strange|odd|peculiar
stranger|unknown person
strong|powerful
surprised|astonished
sword|blade
take|seize
taken|seized
tell|inform
thing|object
think|believe
thought|believed
threw|tossed
throw|toss
told|informed
took|seized
town|city
treat|deal with
trick|fool
tried|attempted
try|attempt
turn|transform
use|make use of
village|small place
visit|call on
wait|stay
wake|rouse
walk|go on foot
want|wish|desire
wanted|wished|desired
warn|caution
water|liquid
went|headed
wife|spouse
window|pane
wish|desire
witch|sorceress
woman|lady|female person
wood|timber
woods|forest
work|labour
world|earth
young|youthful
youngest|last-born
youth|young man"""
SYNONYMS = {line.split("|")[0]: line.split("|")[1:] for line in _WORDS.splitlines()}

_FRAMES: list[tuple[str, list[str]]] = [
    (
        r"why (did|does|was|were|is|could|couldn't|didn't|wasn't|wouldn't|would|had|do|must|should) (.+)",
        ["for what reason {0} {1}", "what was the reason, why {0} {1}", "how come, why {0} {1}", "what explains it: why {0} {1}"],
    ),
    (r"why did (.+)", ["what made {0}", "what caused {0} to do that, what made {0}"]),
    (r"how did (.+) feel (.+)", ["what were the feelings of {0} {1}", "in what mood was {0} {1}", "what emotion did {0} have {1}"]),
    (r"how did (.+)", ["in what way did {0}", "by what means did {0}"]),
    (r"who (was|is|were) (.+)", ["which person {0} {1}", "what is the name of the one who {0} {1}"]),
    (r"who (.+)", ["which person {0}", "which character {0}", "who was it that {0}"]),
    (r"where did (.+)", ["in what place did {0}", "to what spot did {0}", "at which location did {0}"]),
    (r"where (was|is|were) (.+)", ["in what place {0} {1}", "at which spot {0} {1}"]),
    (r"what happened (.+)", ["what was the outcome {0}", "what took place {0}", "what followed {0}"]),
    (r"what did (.+) do (.+)", ["what was the action of {0} {1}", "how did {0} act {1}", "what step did {0} take {1}"]),
    (r"what did (.+)", ["which thing did {0}"]),
    (r"what (was|were) (.+)", ["tell me what {1} {0}", "which thing {0} {1}"]),
]  # fmt: skip
_COMPILED = [(re.compile(pattern, re.IGNORECASE), frames) for pattern, frames in _FRAMES]


def paraphrase(question: str, rng: random.Random, *, share: float = 0.6, frame: float = 0.5) -> str:
    """Return a question in other words: each known word replaced with chance `share`, its frame with chance `frame`."""
    text = question.strip().rstrip("?").strip()
    if rng.random() < frame:
        options = [f.format(*match.groups()) for pattern, frames in _COMPILED if (match := pattern.fullmatch(text)) for f in frames]
        if options:
            text = rng.choice(options)
    words = []
    for word in text.split(" "):
        options = SYNONYMS.get(word.lower().strip(",.;:"), [])
        words.append(rng.choice(options).format(p="their") if options and rng.random() < share else word)
    text = " ".join(words)
    if rng.random() < 0.15:
        return text.lower() + rng.choice(["", "?"])
    return text[:1].upper() + text[1:] + "?"


def statement(question: str, answer: str) -> str:
    """Return an answer as a sentence with the question's words where they can be turned, else as a sentence of its own."""
    asked, said = question.strip().rstrip("?").strip(), answer.strip().rstrip(".")
    if match := re.fullmatch(r"[Ww]ho (?!did\b|does\b|do\b)(.+)", asked):
        said = f"{said} {match.group(1)}"
    elif match := re.fullmatch(r"[Ww]hy (was|were|is|are|did|does|could|would) (.+)", asked):
        reason = said if said.lower().startswith(("because", "so that", "to ")) else f"because {said[:1].lower()}{said[1:]}"
        said = reason[:1].upper() + reason[1:]
    return f"{said[:1].upper()}{said[1:]}."
