"""Closed lists of English words that checking a claim needs: irregular forms, near synonyms, words that deny or hedge."""

from __future__ import annotations

from functools import lru_cache

from rag.text import NEGATIONS, fold, stem

_IRREGULAR = (
    "be:was were been|beat:beaten|become:became|begin:began begun|bite:bit bitten|break:broke broken|bring:brought|build:built|"
    "buy:bought|catch:caught|choose:chose chosen|come:came|die:dead death dying|do:did done|draw:drew drawn|drink:drank drunk|"
    "drive:drove driven|eat:ate eaten|fall:fell fallen|feel:felt|fight:fought|find:found|flee:fled|fly:flew flown|"
    "forget:forgot forgotten|forgive:forgave forgiven|freeze:froze frozen|get:got gotten|give:gave given|go:went gone|"
    "grow:grew grown|have:had|hear:heard|hide:hid hidden|hold:held|keep:kept|know:knew known|lead:led|leave:left|lend:lent|"
    "lie:lied lying lies|lose:lost loss|make:made|mean:meant|meet:met|pay:paid|ride:rode ridden|ring:rang rung|rise:rose risen|"
    "run:ran|say:said|see:saw seen|seek:sought|sell:sold|send:sent|shake:shook shaken|shoot:shot|show:shown|sing:sang sung|"
    "sink:sank sunk|sit:sat|sleep:slept|speak:spoke spoken speech|spend:spent|stand:stood|steal:stole stolen|strike:struck|"
    "swear:swore sworn|swim:swam|take:took taken|teach:taught|tell:told|think:thought|throw:threw thrown|understand:understood|"
    "wake:woke woken|wear:wore worn|win:won|write:wrote written|man:men|woman:women|child:children|wife:wives|life:lives|"
    "twice:two|survive:survival|marry:marriage|spine:spinal|prove:proof|fly:flight|hurt:hurt|cut:cut|hit:hit|shut:shut|put:put|"
    "set:set|read:read|cast:cast|burst:burst|spread:spread"
)
_SYNONYMS = (
    "kill murder slay|die perish|hurt harm injure injury wound|abduct kidnap snatch|steal rob|father dad|mother mom mum|boy lad|"
    "doctor physician|police cops|rare uncommon|near close|house home|start begin|end finish|choose pick select|want wish|"
    "help aid|conceal hide|surgery operation|book novel|car vehicle|crash wreck accident collision|job work|buy purchase|"
    "exchange swap switch|return back|wealth riches|attempt try|learn discover|remember recall|phone call|"
    "photo picture photograph image|protect shield|reveal disclose|disappear vanish|husband spouse|infant baby newborn|"
    "genuine true real|biological birth|author writer write|colleague coworker|refuse reject|big large|small little|"
    "fast quick|glad happy|angry furious|ill sick|shut close|show display|previous earlier|weapon gun|reason motive|"
    "occur happen|permit let allow|purpose deliberate intentional|money cash|fear afraid|jail prison|live survive|"
    "visit see|thrive prosper|error mistake|attorney lawyer|ask question|hereditary inherit"
)
NEGATORS = NEGATIONS | frozenset(
    "hardly barely scarcely rarely seldom lack lacked lacks lacking denies denied deny fails failed unable".split()
)
BELIEFS = frozenset(
    "think thinks thought thinking believe believes believed believing suspect suspects suspected guess guessed guesses claim "
    "claims claimed swear swears swore sworn insist insists insisted argue argues argued allege alleges alleged describe "
    "describes described protest protests protested deny denies denied assume assumes assumed suppose supposes supposed imagine "
    "imagines imagined fear fears feared afraid accuse accuses accused pretend pretends pretended maintain maintains maintained "
    "assert asserts asserted suggest suggests suggested speculate speculates speculated worry worries worried consider considers "
    "considered doubt doubts doubted expect expects expected impression rumour rumor convinced hope hopes hoped accusation".split()
)
REPORTS = frozenset("say says said tell tells told testify testifies testified state states stated warn warns warned story".split())
HEDGES = frozenset(
    "presumably apparently allegedly perhaps maybe possibly probably reportedly supposedly likely may might could seem seems "
    "seemed appear appears appeared would".split()
)
NAMINGS = frozenset("call calls called regard regards regarded view views viewed rate rates rated see sees saw".split())
"""Words for somebody's view, words that pass a statement on, words that make it less than certain, and words that judge."""
LIGHT = frozenset(
    "thing way make get go come put set become happen part time people person man place kind sort name give take turn able "
    "actually really truly fact say tell use try bring let keep year old anyone anybody someone somebody everyone everybody play "
    "portray actor actress role".split()
)

IRREGULAR_ROOTS = {form: base for base, forms in (entry.split(":") for entry in _IRREGULAR.split("|")) for form in forms.split()}
_GROUPS: dict[str, str] = {}
for _group in _SYNONYMS.split("|"):
    for _word in _group.split():
        _GROUPS.setdefault(stem(_word), stem(_group.split()[0]))


@lru_cache(maxsize=8192)
def root(word: str) -> str:
    """Return one form for all forms of a word and for its near synonyms: "stole" and "robs" are both "steal"."""
    key = fold(word).replace("'", "")
    plain = stem(IRREGULAR_ROOTS.get(key, key))
    return _GROUPS.get(plain, plain)


LIGHT_ROOTS = frozenset(root(word) for word in LIGHT)
