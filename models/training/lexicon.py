"""Words that generated stories are made of: names, verbs with paraphrases, things, places, times and causes.

A frame is one kind of event and holds its paraphrases, one a line: `base past participle gerund` and, after `::`, the
pattern, in which V is the verb, P the person it is done to and O the thing. The default pattern is "V P".
Paraphrases of one frame may stand for each other in either direction.
"""

from __future__ import annotations

WOMEN = (
    "Agnes Alba Amira Asta Beatrix Bettina Bronwen Cecily Clara Cosima Dagny Delphine Edith Elif Elspeth Esme Farida Fenna Frieda "
    "Gilda Greta Hanne Hedda Ilse Imogen Ines Ingrid Iris Jadwiga Johanna Juno Kaja Kirsten Leonie Linnea Lotte Lucia Magda Maren "
    "Margit Mathilda Meike Mina Nadia Nora Odette Olga Ottilie Paloma Petra Philippa Ragna Renate Rosalind Ruth Sabine Saskia Selma "
    "Sigrid Solveig Sunniva Tamsin Tess Thea Tilda Ulrike Ursula Vera Viola Wanda Wilma Yara Yvette Zelda Zora"
).split()
MEN = (
    "Abel Aksel Albin Alfred Ambrose Anders Anton Arvid August Baldur Bastian Benno Bertil Bruno Casimir Cato Cedric Conrad Cosmo "
    "Dietrich Edgar Einar Elias Emil Enno Erik Esben Ewan Fabian Felix Finn Florian Gerrit Gideon Gunnar Hakon Harald Hector Henrik "
    "Hugo Igor Ivar Jasper Jens Joachim Jonas Karsten Klaus Lars Leif Lorenz Ludwig Magnus Marek Matthias Nils Olaf Omar Oskar Otis "
    "Pavel Quentin Ragnar Rasmus Roland Rufus Samir Sander Silas Sven Tariq Thaddeus Tobias Torsten Ulf Valentin Viktor Walter Yusuf"
).split()
SURNAMES = (
    "Aldridge Amsel Bahr Barlow Bergman Birkett Bloom Boateng Brandt Castell Crane Dahl Denholm Drexler Ekström Elwood Falk Farrow "
    "Fenwick Ferrari Garrick Gessner Grimaldi Haldane Hartwig Holm Horvat Ibsen Jarvis Kaplan Keller Kovac Lamont Larsen Lindqvist "
    "Lockhart Mancini Marlowe Mbeki Mercer Moreau Nakamura Novak Nyberg Okafor Orlov Osgood Pascal Pettersen Quist Rahman Ramsey "
    "Reuter Rosetti Sandoval Sato Schiller Sorensen Stroud Tanaka Thorne Tremain Ueda Valdez Vasquez Vogel Wexler Winslow Yates Zanetti"
).split()

JOBS = """doctor|physician|medic
lawyer|attorney|solicitor
police officer|constable|member of the police
teacher|schoolteacher|educator
accountant|bookkeeper|auditor
nurse|carer|hospital nurse
journalist|reporter|newspaper writer
baker|bread maker|owner of a bakery
chef|cook|kitchen chief
architect|building designer|designer of houses
fisherman|angler|man of the sea
farmer|grower|owner of a farm
musician|violinist|player in an orchestra
shopkeeper|store owner|merchant
taxi driver|cabbie|cab driver
pilot|flyer|airline captain
banker|financier|bank manager
mechanic|car repairer|garage worker
gardener|landscaper|keeper of gardens
novelist|author|writer
politician|senator|member of parliament
engineer|machine builder|technician
soldier|army officer|trooper
priest|clergyman|minister
jeweller|goldsmith|dealer in gems
carpenter|joiner|woodworker
translator|interpreter|linguist
vet|animal doctor|veterinarian
thief|burglar|crook
estate agent|realtor|seller of houses
pharmacist|chemist|druggist
judge|magistrate|head of the court"""

RELATIONS = """brother|sibling|m
sister|sibling|f
father|dad|m
mother|mum|f
husband|spouse|m
wife|spouse|f
uncle|relative|m
aunt|relative|f
cousin|relative|mf
neighbour|person next door|mf
boss|employer|mf
business partner|associate|mf
best friend|close friend|mf
son|child|m
daughter|child|f
landlord|owner of the flat|m
lawyer|legal adviser|mf
assistant|helper|mf
former lover|old flame|mf
fiancé|betrothed|m
fiancée|betrothed|f
stepmother|father's new wife|f
godfather|sponsor|m
nephew|relative|m
niece|relative|f"""

PERSON = {
    "kill": """kill killed killed killing
murder murdered murdered murdering
take took taken taking :: V the life of P
cause caused caused causing :: V the death of P""",
    "hit": """hit hit hit hitting
strike struck struck striking
punch punched punched punching
land landed landed landing :: V a blow on P
beat beat beaten beating :: V P up""",
    "rescue": """rescue rescued rescued rescuing
save saved saved saving
bring brought brought bringing :: V P to safety
pull pulled pulled pulling :: V P out of danger""",
    "betray": """betray betrayed betrayed betraying
sell sold sold selling :: V P out
turn turned turned turning :: V against P
stab stabbed stabbed stabbing :: V P in the back""",
    "hire": """hire hired hired hiring
employ employed employed employing
give gave given giving :: V P a job
take took taken taking :: V P on
recruit recruited recruited recruiting""",
    "dismiss": """dismiss dismissed dismissed dismissing
fire fired fired firing
sack sacked sacked sacking
let let let letting :: V P go
give gave given giving :: V P notice""",
    "blackmail": """blackmail blackmailed blackmailed blackmailing
extort extorted extorted extorting :: V money from P
squeeze squeezed squeezed squeezing :: V P for cash""",
    "denounce": """denounce denounced denounced denouncing
report reported reported reporting :: V P to the police
turn turned turned turning :: V P in
inform informed informed informing :: V on P""",
    "deceive": """deceive deceived deceived deceiving
trick tricked tricked tricking
fool fooled fooled fooling
lie lied lied lying :: V to P
mislead misled misled misleading""",
    "follow": """follow followed followed following
shadow shadowed shadowed shadowing
trail trailed trailed trailing
go went gone going :: V after P""",
    "threaten": """threaten threatened threatened threatening
menace menaced menaced menacing
frighten frightened frightened frightening :: V P with threats""",
    "help": """help helped helped helping
assist assisted assisted assisting
aid aided aided aiding
lend lent lent lending :: V P a hand""",
    "visit": """visit visited visited visiting
call called called calling :: V on P
drop dropped dropped dropping :: V in on P
pay paid paid paying :: V P a visit""",
    "abandon": """abandon abandoned abandoned abandoning
leave left left leaving :: V P behind
desert deserted deserted deserting
walk walked walked walking :: V out on P""",
    "marry": """marry married married marrying
wed wed wed wedding
become became become becoming :: V the spouse of P
tie tied tied tying :: V the knot with P""",
    "hide": """hide hid hidden hiding
shelter sheltered sheltered sheltering
conceal concealed concealed concealing
give gave given giving :: V P a place to hide""",
    "arrest": """arrest arrested arrested arresting
take took taken taking :: V P into custody
detain detained detained detaining
put put put putting :: V P in handcuffs""",
    "accuse": """accuse accused accused accusing
blame blamed blamed blaming
point pointed pointed pointing :: V the finger at P
hold held held holding :: V P responsible""",
    "forgive": """forgive forgave forgiven forgiving
pardon pardoned pardoned pardoning
make made made making :: V peace with P""",
    "phone": """phone phoned phoned phoning
call called called calling
ring rang rung ringing :: V P up
telephone telephoned telephoned telephoning""",
    "push": """push pushed pushed pushing :: V P down the stairs
shove shoved shoved shoving :: V P down the steps
throw threw thrown throwing :: V P down the staircase""",
    "adopt": """adopt adopted adopted adopting
bring brought brought bringing :: V up P as a child of the family
raise raised raised raising :: V P""",
    "recognise": """recognise recognised recognised recognising
know knew known knowing :: V P again
identify identified identified identifying""",
    "warn": """warn warned warned warning
alert alerted alerted alerting
caution cautioned cautioned cautioning
tip tipped tipped tipping :: V P off""",
    "bribe": """bribe bribed bribed bribing
pay paid paid paying :: V P to keep quiet
buy bought bought buying :: V the silence of P""",
    "sue": """sue sued sued suing
take took taken taking :: V P to court
bring brought brought bringing :: V a case against P""",
    "nurse": """nurse nursed nursed nursing
look looked looked looking :: V after P
care cared cared caring :: V for P
tend tended tended tending""",
    "meet": """meet met met meeting
run ran run running :: V into P
come came come coming :: V across P
encounter encountered encountered encountering""",
    "imprison": """lock locked locked locking :: V P in
imprison imprisoned imprisoned imprisoning
hold held held holding :: V P captive
shut shut shut shutting :: V P up""",
    "defeat": """defeat defeated defeated defeating
beat beat beaten beating
win won won winning :: V against P
get got got getting :: V the better of P""",
    "replace": """replace replaced replaced replacing
succeed succeeded succeeded succeeding
take took taken taking :: V the place of P
step stepped stepped stepping :: V into the shoes of P""",
    "spy": """spy spied spied spying :: V on P
watch watched watched watching :: V P in secret
keep kept kept keeping :: V P under observation""",
    "drug": """drug drugged drugged drugging
sedate sedated sedated sedating
put put put putting :: V a sleeping powder in the tea of P""",
    "injure": """injure injured injured injuring
hurt hurt hurt hurting
wound wounded wounded wounding""",
    "insult": """insult insulted insulted insulting
offend offended offended offending
call called called calling :: V P names""",
    "free": """free freed freed freeing
release released released releasing
set set set setting :: V P free
let let let letting :: V P out""",
    "doubt": """doubt doubted doubted doubting
distrust distrusted distrusted distrusting
suspect suspected suspected suspecting
have had had having :: V no faith in P""",
    "teach": """teach taught taught teaching
train trained trained training
instruct instructed instructed instructing
give gave given giving :: V lessons to P""",
}

THING = {
    "steal": """steal stole stolen stealing :: V O from P
take took taken taking :: V O from P
rob robbed robbed robbing :: V P of O
make made made making :: V off with O, which belonged to P""",
    "give": """give gave given giving :: V O to P
hand handed handed handing :: V O to P
present presented presented presenting :: V P with O
make made made making :: V P a gift of O""",
    "sell": """sell sold sold selling :: V O to P
let let let letting :: V P have O for money
trade traded traded trading :: V O to P for cash""",
    "send": """send sent sent sending :: V O to P
post posted posted posting :: V O to P
mail mailed mailed mailing :: V O to P""",
    "lend": """lend lent lent lending :: V O to P
loan loaned loaned loaning :: V O to P
let let let letting :: V P borrow O""",
    "show": """show showed shown showing :: V O to P
let let let letting :: V P see O
reveal revealed revealed revealing :: V O to P""",
    "hide thing": """hide hid hidden hiding :: V O from P
conceal concealed concealed concealing :: V O from P
keep kept kept keeping :: V O secret from P""",
    "inherit": """inherit inherited inherited inheriting :: V O from P
come came come coming :: V into O when P died
receive received received receiving :: V O under the will of P""",
    "return": """return returned returned returning :: V O to P
give gave given giving :: V O back to P
bring brought brought bringing :: V O back to P""",
    "buy": """buy bought bought buying :: V O from P
purchase purchased purchased purchasing :: V O from P
acquire acquired acquired acquiring :: V O from P""",
    "find": """find found found finding :: V O
discover discovered discovered discovering :: V O
come came come coming :: V across O
unearth unearthed unearthed unearthing :: V O""",
    "break": """break broke broken breaking :: V O
smash smashed smashed smashing :: V O
shatter shattered shattered shattering :: V O
destroy destroyed destroyed destroying :: V O""",
    "burn": """burn burned burned burning :: V O
set set set setting :: V fire to O
put put put putting :: V a match to O""",
    "forge": """forge forged forged forging :: V O
fake faked faked faking :: V O
counterfeit counterfeited counterfeited counterfeiting :: V O""",
    "repair": """repair repaired repaired repairing :: V O
mend mended mended mending :: V O
fix fixed fixed fixing :: V O
put put put putting :: V O right again""",
    "lose": """lose lost lost losing :: V O
mislay mislaid mislaid mislaying :: V O
leave left left leaving :: V O somewhere""",
    "swap": """swap swapped swapped swapping :: V O for a copy
exchange exchanged exchanged exchanging :: V O for a copy
switch switched switched switching :: V O for a double
replace replaced replaced replacing :: V O by a duplicate""",
    "bury": """bury buried buried burying :: V O
dig dug dug digging :: V a hole and put O in it
put put put putting :: V O under the ground""",
}

LONE = {
    "move": """move moved moved moving :: V away
leave left left leaving :: V town
settle settled settled settling :: V elsewhere""",
    "fall ill": """fall fell fallen falling :: V ill
become became become becoming :: V sick
get got got getting :: V an infection""",
    "resign": """resign resigned resigned resigning :: V
quit quit quit quitting :: V the job
step stepped stepped stepping :: V down
hand handed handed handing :: V in a notice""",
    "escape": """escape escaped escaped escaping :: V
get got got getting :: V away
flee fled fled fleeing :: V
run ran run running :: V off""",
    "confess": """confess confessed confessed confessing :: V
own owned owned owning :: V up
admit admitted admitted admitting :: V everything
come came come coming :: V clean""",
    "faint": """faint fainted fainted fainting :: V
pass passed passed passing :: V out
lose lost lost losing :: V consciousness
black blacked blacked blacking :: V out""",
    "return home": """return returned returned returning :: V home
come came come coming :: V back
find found found finding :: V the way home""",
    "vanish": """vanish vanished vanished vanishing :: V
disappear disappeared disappeared disappearing :: V
go went gone going :: V missing""",
    "gamble": """gamble gambled gambled gambling :: V at cards
bet bet bet betting :: V on horses
play played played playing :: V for money""",
    "cry": """cry cried cried crying :: V
weep wept wept weeping :: V
burst burst burst bursting :: V into tears
shed shed shed shedding :: V tears""",
    "die": """die died died dying :: V
pass passed passed passing :: V away
lose lost lost losing :: V {h} life
meet met met meeting :: V {h} end""",
    "drown": """drown drowned drowned drowning :: V
sink sank sunk sinking :: V and never came up""",
    "retire": """retire retired retired retiring :: V
stop stopped stopped stopping :: V working
give gave given giving :: V up work""",
}
MUTUAL = frozenset(("meet", "marry"))
"""Events that hold the other way round as well: who suffers one may be said to have done it."""
VIOLENT = frozenset("kill hit injure threaten push break".split())

THINGS = """a silver watch|an old timepiece
a gold ring|a piece of jewellery
a diamond necklace|jewels
a stack of letters|some correspondence
a diary|a private journal
a laptop|a computer
a mobile|a telephone
a bicycle|a bike
a red car|a vehicle
a painting|a picture
a violin|an instrument
a passport|a travel document
a box of chocolates|some sweets
a bottle of brandy|some liquor
a set of keys|some keys
a photograph|a snapshot
a birth certificate|an official paper
a contract|a legal agreement
a will|a testament
a boat|a small vessel
a puppy|a young dog
a recipe book|a cookbook
a fur coat|a warm garment
a map|a chart
a camera|an apparatus for pictures
a vase|a piece of pottery
a sum of money|some cash
a cottage|a little house
a horse|a riding animal
a parcel|a package
a key card|an access card
a cheque|a payment slip
a medal|a decoration
a carpet|a rug
a telescope|an optical instrument"""

PLACES = """in the harbour|at the port|in the port
at the railway station|on the platform|at the train stop
in the cellar|in the basement|below the house
in the church|in a house of worship|in the chapel
at the hospital|at the clinic|in a ward
in the kitchen|where the meals are cooked|by the stove
in the garden|among the flower beds|on the lawn
at the airport|where the planes leave|at the terminal
in a hotel room|at an inn|in a guest room
in a restaurant|at a place to eat|in a dining room
at the theatre|in a playhouse|on the stage
on a ferry|aboard a ship|on board a boat
in the forest|among the trees|in the woods
at the office|at the workplace|at work
at school|in a classroom|in the schoolhouse
at the museum|among the exhibits|in the gallery
in a car park|where the cars stand|in the garage
on the beach|by the sea|on the shore
in a mountain hut|high up in the hills|in a lodge
on the roof|on top of the building|up on the tiles
at a wedding|at a marriage feast|during a marriage ceremony
at a birthday party|during a birthday celebration|at the celebration
in the library|among the books|in the reading room
at the market|among the stalls|on the square"""

CITIES = (
    "Bergen Bruges Cork Dresden Esbjerg Faro Galway Ghent Graz Gdansk Haarlem Innsbruck Jena Kiel Lausanne Leeds Linz Lund Malmö "
    "Nantes Odense Oulu Parma Porto Riga Rouen Salerno Seville Tartu Trieste Turku Uppsala Utrecht Verona Vilnius Zadar"
).split()
FIRMS = (
    "a shipping company|a law firm|a bank|a newspaper|a travel agency|a film studio|a software company|a bakery|a pharmacy|"
    "an insurance company|a publishing house|a toy factory"
).split("|")
INSTRUMENTS = (
    "a hammer|a candlestick|a spade|a frying pan|an umbrella|a bottle|a walking stick|a stone|a cricket bat|a chair|a belt|"
    "a kitchen knife|a pistol|a crowbar|a vase|an oar"
).split("|")
WEEKDAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()
MONTHS = "January February March April May June July August September October December".split()
NUMBERS = "two three four five six seven eight nine ten eleven twelve".split()

CAUSES = """because {s} needed the money|to pay off {h} debts
because {s} was jealous|out of jealousy
because {s} wanted revenge|to get even
because {s} was afraid of losing {h} job|for fear of being dismissed
because {s} wanted to protect {h} family|to keep {h} family safe
because {s} had been drinking|under the influence of alcohol
because {s} felt guilty|out of a bad conscience
because {s} wanted to hide the truth|so that nobody would learn the truth
because {s} thought that {R} was dead|in the belief that {R} had died
because {R} had asked {o} to|at the request of {R}
because {R} had humiliated {o}|after being shamed by {R}
because {s} had promised it to {R}|to keep a promise made to {R}
because {s} hoped to inherit the house|in the hope of an inheritance
because {s} could not bear the loneliness|out of loneliness
because {s} mistook the date|by mistake over the date
because {s} was in love with {R}|for love of {R}
because {s} did not want to go to prison|to stay out of jail
because {s} believed the rumours|on the strength of gossip
because the doctor had told {o} to|on medical advice
because a storm was coming|on account of the weather
because {s} had lost a bet|after losing a wager
because {s} wanted {R} to stay silent|to keep {R} from talking
because {s} was tired of the lies|fed up with the deceit
because {s} wanted to impress {R}|to win the admiration of {R}"""

FILLERS = """The rain did not stop for days.
Nobody in the street seemed to notice anything.
It was a quiet season, and the shops closed early.
The story is told from several points of view.
Critics have praised the slow build of the plot.
The town had seen nothing like it before.
Many viewers did not expect such a turn.
That evening the lights stayed on for a long time.
The rest of the family gathered around the table.
Old quarrels came up again and again.
There was talk of it for weeks.
A cold wind blew from the river.
Some people believed every word, and others none of it.
The mood at the table changed at once.
In the end everything looked different.
The newspapers printed only half of it.
A neighbour remembered the noise much later.
From then on the two families avoided each other."""
