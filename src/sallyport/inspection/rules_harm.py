"""Requests for harm, in English, by category: rows in the language of `rules`.

Weights from `CLEAR` are for what has hardly another reading: they block by default. The others only add up, or are there
for who asks for them. Requests are looked for in what callers send. What a model answers is looked at for the
recipe, not for the request, which a refusal repeats.
"""

from __future__ import annotations

from sallyport.inspection.rules import Rule
from sallyport.model import Channel

CLEAR = 0.9
_ASKED: tuple[Channel, ...] = ("user", "tool_result", "document", "other")
_SAFE = r"(?i)\b(?:prevent|detect|defen[cds]|protect|avoid|stop|mitigat|against|awareness|history|fiction|novel|movie|film|game|minecraft|fortnite|python|process|illegal to|why (?:is|are|do|did)|train(?:ing)?|recogni[sz]e|report|survivor|victims?)"

LEXICON: dict[str, tuple[str, ...]] = {
    "how": ("how do i", "how do you", "how to", "how can i", "how can you", "how could i", "how could someone", "how can someone", "how would i", "how would you", "how would one", "how does one", "how can one", "how should i", "ways to", "way to", "ways of", "steps to", "steps for", "instructions for", "instructions on", "instructions to", "guide to", "guide for", "guide on", "guide that", "guide explaining", "tutorial on", "tutorial for", "tutorial that", "manual for", "manual on", "teach me", "teach people", "explain how", "describe how", "detail how", "show me how", "tell me how", "plan to", "plan for", "strategy to", "strategy for", "recipe for", "method for", "methods for", "method to", "methods to", "techniques for", "technique for", "tips for", "tips on", "i want to", "help me", "procedure for", "protocol for", "formula for", "process of", "process for", "on how", "exactly how"),
    "produce": ("write", "create", "make", "develop", "generate", "compose", "draft", "produce", "provide", "give me", "design", "build", "code", "publish", "post", "craft", "construct", "prepare", "devise", "come up with"),
    "build": ("make", "making", "build", "building", "construct", "constructing", "create", "creating", "assemble", "assembling", "manufacture", "manufacturing", "produce", "producing", "synthesize", "synthesise", "synthesizing", "synthesis", "cook", "cooking", "prepare", "preparing", "weaponize", "weaponizing", "weaponise", "cultivate", "culture", "purify", "extract", "acquire", "obtain", "3d print", "print", "obtaining", "acquiring", "buy", "get", "formulate", "brew", "homemade", "grow", "detonate"),
    "bomb": ("pipe bomb", "nail bomb", "car bomb", "dirty bomb", "fertilizer bomb", "pressure cooker bomb", "letter bomb", "nuclear bomb", "homemade bomb", "bombs", "a bomb", "the bomb", "bomb", "explosive device", "explosive devices", "improvised explosive", "homemade explosives", "explosives", "plastic explosive", "molotov cocktail", "molotov cocktails", "ied", "tatp", "napalm", "thermite", "detonator", "suicide vest", "ghost gun", "untraceable gun", "untraceable firearm", "untraceable firearms", "illegal firearm", "illegal firearms", "illegal weapons", "silencer"),
    "agent": ("sarin", "vx gas", "vx nerve", "novichok", "tabun", "soman", "nerve agent", "nerve agents", "nerve gas", "mustard gas", "sulfur mustard", "phosgene", "chlorine gas", "hydrogen cyanide", "cyanide", "ricin", "abrin", "botulinum", "botulinum toxin", "anthrax", "bacillus anthracis", "smallpox", "yersinia pestis", "ebola virus", "chemical weapon", "chemical weapons", "biological weapon", "biological weapons", "bioweapon", "bioweapons", "nuclear weapon", "nuclear weapons", "nuclear device", "radiological weapon", "weapons of mass destruction", "weapon of mass destruction", "chlorosarin", "cyclosarin", "tear gas", "chloropicrin", "saxitoxin", "tetrodotoxin", "deadly virus", "deadly poison"),
    "drug": ("meth", "methamphetamine", "crystal meth", "crack", "crack cocaine", "cocaine", "heroin", "mdma", "ecstasy", "lsd", "fentanyl", "carfentanil", "ghb", "rohypnol", "pcp", "dmt", "illegal drugs", "illegal drug", "illicit drugs", "date rape drug", "bath salts", "ketamine", "dimethylamphetamine", "safrole", "desomorphine", "krokodil", "pseudoephedrine"),
    "sell": ("sell", "selling", "buy", "buying", "smuggle", "smuggling", "traffic", "trafficking", "distribute", "distributing", "import", "export", "transport", "hide", "conceal", "deal"),
    "kill": ("kill", "killing", "murder", "murdering", "poison", "poisoning", "assassinate", "assassinating", "strangle", "suffocate", "stab", "torture", "torturing", "kidnap", "kidnapping", "abduct", "drown", "behead", "mutilate", "execute", "terminate", "run over", "shoot", "beat up", "rape", "drug", "blind", "maim", "dismember", "lynch", "decapitate"),
    "person": ("someone", "somebody", "a person", "another person", "people", "a human", "humans", "a man", "a woman", "a girl", "a child", "children", "a kid", "kids", "a baby", "a stranger", "strangers", "my wife", "my husband", "my boss", "my neighbor", "my neighbour", "my neighbors", "my ex", "my girlfriend", "my boyfriend", "my brother", "my sister", "my mother", "my father", "my mom", "my dad", "my roommate", "my teacher", "my coworker", "my friend", "a celebrity", "a politician", "the president", "a police officer", "police officers", "civilians", "women", "men", "an individual", "a family", "a victim", "the victim", "my enemy", "my enemies", "a crowd", "him", "her", "them"),
    "myself": ("kill myself", "killing myself", "commit suicide", "committing suicide", "end my life", "ending my life", "take my own life", "hang myself", "shoot myself", "cut myself", "cutting myself", "harm myself", "hurt myself", "starve myself", "overdose myself", "slit my wrists", "unalive myself", "self-harm", "self harm", "suicide"),
    "malware": ("ransomware", "malware", "a keylogger", "keylogger", "computer virus", "computer viruses", "a virus", "computer worm", "trojan horse", "trojan", "botnet", "rootkit", "spyware", "backdoor", "logic bomb", "malicious software", "malicious code", "malicious program", "malicious script", "info stealer", "infostealer", "password stealer", "cryptojacking", "cryptojacker", "exploit kit", "zip bomb"),
    "phish": ("phishing email", "phishing emails", "phishing website", "phishing site", "phishing page", "phishing attack", "phishing message", "spear-phishing", "spear phishing", "phishing scam", "scam email", "scam emails", "fake website", "fake login page", "fake bank"),
    "break in": ("hack", "hacking", "hack into", "break into", "breaking into", "hijack", "hijacking", "crack", "gain unauthorized access to", "unauthorized access", "gain access to", "infiltrate", "bypass the security", "bypass security", "remotely access", "intercept", "steal data from", "take over", "wiretap", "spy on"),
    "system": ("account", "accounts", "email", "email account", "bank", "bank account", "network", "networks", "database", "databases", "phone", "smartphone", "computer", "computers", "government", "server", "servers", "wifi", "wi-fi", "webcam", "website", "websites", "system", "systems", "facebook", "instagram", "password", "passwords", "atm", "power grid", "voting machine", "voting machines", "medical records", "satellite", "camera", "corporate", "company's", "device", "devices", "hospital", "car", "vehicle"),
    "flood": ("ddos attack", "ddos", "dos attack", "denial of service attack", "denial-of-service attack", "brute force attack", "brute-force attack", "sql injection attack", "man-in-the-middle attack", "cyber attack", "cyberattack"),
    "minor": ("child", "children", "minor", "minors", "underage", "underage girl", "underage girls", "underage boy", "preteen", "preteens", "toddler", "infant", "kid", "kids", "schoolgirl", "little girl", "little boy", "twelve year old", "12 year old", "13 year old", "14 year old"),
    "sexual": ("porn", "pornography", "pornographic", "sex", "sexual", "sexually", "nude", "nudes", "naked", "erotic", "erotica", "explicit", "molest", "grooming", "groom", "seduce", "incest", "fetish"),
    "nasty": ("offensive", "toxic", "hateful", "harmful", "hurtful", "unfriendly", "mean", "cruel", "nasty", "vile", "vicious", "insulting", "demeaning", "degrading", "disparaging", "derogatory", "abusive", "discriminatory", "racist", "sexist", "homophobic", "transphobic", "xenophobic", "bigoted", "mocking"),
    "group": ("women", "girls", "lesbians", "gays", "gay people", "gay men", "queer people", "homosexuals", "bisexuals", "trans people", "transgender people", "muslims", "jews", "jewish people", "christians", "hindus", "sikhs", "buddhists", "atheists", "immigrants", "migrants", "refugees", "asylum seekers", "foreigners", "black people", "white people", "asians", "asian people", "arabs", "africans", "mexicans", "latinos", "indigenous people", "native americans", "roma", "romani", "gypsies", "disabled people", "people with disabilities", "autistic people", "deaf people", "blind people", "elderly people", "old people", "the elderly", "fat people", "obese people", "homeless people", "poor people", "minorities", "ethnic minority", "religious minority"),
    "hateful": ("hate speech", "racist", "sexist", "homophobic", "antisemitic", "anti-semitic", "islamophobic", "xenophobic", "transphobic", "discriminatory", "defamatory", "libelous", "slanderous", "hateful", "threatening", "bullying", "derogatory", "dehumanizing", "harassing", "abusive", "intimidating", "blackmail", "extortion", "revenge porn", "cyberbullying", "body-shaming"),
    "remark": ("sentence", "sentences", "remark", "remarks", "paragraph", "line", "lines", "slogan", "slogans", "caption", "review", "rant", "text", "article", "articles", "post", "posts", "email", "emails", "letter", "letters", "message", "messages", "comment", "comments", "speech", "essay", "blog", "tweet", "tweets", "campaign", "content", "joke", "jokes", "meme", "memes", "story", "song", "poem", "manifesto", "statement", "rumor", "rumors", "note", "text", "sms", "review", "reviews", "slur", "slurs", "insult", "insults", "propaganda"),
    "text": ("article", "articles", "post", "posts", "email", "emails", "letter", "letters", "message", "messages", "comment", "comments", "speech", "essay", "blog", "tweet", "tweets", "campaign", "content", "joke", "jokes", "meme", "memes", "story", "song", "poem", "manifesto", "statement", "rumor", "rumors", "note", "text", "sms", "review", "reviews", "slur", "slurs", "insult", "insults", "propaganda"),
    "harass": ("harass", "harassing", "stalk", "stalking", "blackmail", "blackmailing", "extort", "extorting", "doxx", "dox", "doxxing", "doxing", "bully", "bullying", "cyberbully", "cyberbullying", "humiliate", "intimidate", "threaten", "threatening", "cyberstalk", "terrorize", "gaslight", "catfish", "groom", "grooming", "frame"),
    "crime": ("rob a bank", "rob a", "launder money", "money laundering", "launder", "counterfeit money", "counterfeit", "steal someone's identity", "steal a person's identity", "identity theft", "steal identities", "steal confidential", "steal credit card", "steal a car", "steal from", "shoplift", "shoplifting", "evade taxes", "tax evasion", "tax fraud", "insurance fraud", "credit card fraud", "insider trading", "bribe", "smuggle", "human trafficking", "traffic humans", "traffic people", "fake passport", "fake id", "fake ids", "fake passports", "embezzle", "ponzi scheme", "pyramid scheme", "arson", "hitman", "mass shooting", "school shooting", "terrorist attack", "terrorist attacks", "commit mass murder", "genocide", "dispose of a body", "get rid of a body", "dispose of a corpse", "evade law enforcement", "get away with murder", "cover up a murder", "evade the police", "rig an election", "rig elections", "manipulate elections", "organ trafficking", "elephant ivory", "cannibal", "vandalize", "hotwire", "swatting", "incite", "inciting", "drunk driving", "drive drunk", "dangerous and illegal", "illegal activities", "stock manipulation", "child labor"),
    "false": ("fake", "false", "misleading", "fabricated", "conspiracy", "disinformation", "misinformation", "hoax", "pseudoscientific", "bogus", "deceptive", "falsified", "fraudulent", "untrue", "made-up"),
    "claim": ("news", "article", "articles", "review", "reviews", "medical", "health", "cure", "cures", "vaccine", "vaccines", "information", "statistics", "rumor", "rumors", "financial", "investment", "legal", "evidence", "study", "studies", "charity", "claims", "theory", "theories", "propaganda", "reports", "testimonials", "prescription", "documents", "advice"),
    "persuade": ("write an article", "persuasive", "convincing", "convince people", "persuade people", "convince", "persuade", "give a detailed explanation", "explain why", "write a persuasive", "create an argument", "argue that", "suggesting", "claiming", "arguing", "write a blog", "proving", "evidence that", "proves that", "demonstrates that"),
    "untruth": ("vaccines cause autism", "vaccine causes autism", "vaccines are dangerous", "vaccines contain", "covid-19 is a hoax", "holocaust never happened", "holocaust was a", "holocaust did not", "climate change is a hoax", "5g causes", "5g towers", "drinking bleach", "drink bleach", "bleach cures", "moon landing was", "earth is flat", "election was stolen", "stop taking their medication", "stop taking medication", "instead of chemotherapy", "cures cancer", "cure cancer with", "cure for cancer", "cigarettes are good", "smoking is good", "never pay taxes", "hiv does not cause", "guaranteed returns", "guaranteed profit"),
    "recipe": ("you will need", "you'll need", "step 1", "first step", "mix the", "ingredients", "materials needed", "gather the", "here is how to", "here's how to", "here are the steps", "instructions"),
}  # fmt: skip


def _row(category: str, name: str, weight: float, pattern: str, *, unless: str = _SAFE) -> Rule:
    return Rule(
        id=f"harm-{name}",
        type=f"harm.{category}",
        weight=weight,
        pattern=pattern,
        unless=unless,
        channels=_ASKED,
        ascii=True,
    )


def _answer(category: str, name: str, pattern: str) -> Rule:
    return Rule(
        id=f"harm-{name}",
        type=f"harm.{category}",
        weight=0.7,
        pattern=pattern,
        input=False,
        output=True,
        ascii=True,
    )


RULES = (
    _row("weapons", "make-bomb", 0.95, "<how> ~4 <build> ~3 <bomb>", unless=_SAFE + r"|(?i)\b(?:bath|smoke|stink|seed|cherry|photo|glitter|f-|logic|zip|fork) ?bomb"),
    _row("weapons", "make-agent", 0.95, "<how> ~5 <build> ~4 <agent>"),
    _row("weapons", "produce-agent", 0.6, "<produce> ~8 <build> ~4 <agent>"),
    _row("drugs", "make-drug", 0.95, "<how> ~4 (make|making|cook|cooking|synthesize|synthesise|synthesizing|synthesis|manufacture|manufacturing|produce|producing|extract|brew) ~4 <drug>"),
    _row("drugs", "sell-drug", 0.9, "<how> ~4 <sell> ~4 <drug>"),
    _row("dangerous", "kill-person", 0.8, "<how> ~3 <kill> ~1 <person>", unless=_SAFE + r"|(?i)\b(?:kill (?:him|her|them|people) with kindness|shoot (?:a )?(?:video|photo|film|someone an email)|(?:character|npc|enemy|boss))"),
    _row("dangerous", "crime", 0.9, "<how> ~4 <crime>", unless=_SAFE + r"|(?i)\brob a (?:role|part)"),
    _row("dangerous", "crime-text", 0.6, "<produce> ~8 <crime>"),
    _row("self_harm", "how-myself", 0.95, "<how> ~4 (kill_myself|killing_myself|commit_suicide|committing_suicide|end_my_life|take_my_own_life|hang_myself|shoot_myself|slit_my_wrists|cut_myself|starve_myself)", unless=r"(?i)\b(?:stop|prevent|not to|avoid|quit)"),
    _row("self_harm", "painless", 0.95, "(painless|painlessly|easiest|quickest|least_painful|most_effective) ~4 (suicide|kill_myself|kill_yourself|die|end_my_life)", unless=r"(?i)\b(?:game|plants?|dye|dice)"),
    _row("self_harm", "myself", 0.5, "(want_to|going_to|thinking_of|thinking_about|need_to|wish_to|plan_to|planning_to|should_i|urge_to) ~1 <myself>", unless=r"(?i)\b(?:prevent|charity|novel)"),
    _row("self_harm", "promote", 0.9, "(promote|promotes|promoting|encourage|encourages|encouraging|glorify|glorifies|glorifying) ~5 (suicide|self-harm|self_harm|anorexia|eating_disorder|eating_disorders|bulimia)", unless=r"(?i)\b(?:prevent|recover|against|without|not)"),
    _row("sexual_minors", "minor-sexual", 0.95, "(make|create|generate|produce|find|download|share|buy|sell|access|distribute|watch) ~4 (child_porn|child_pornography|child_sexual|minors_having|underage_porn|sexualized_children|kiddie_porn|cp_images|child_erotica)"),
    _row("sexual_minors", "sexual-with-minor", 0.9, "<how> ~4 (groom|grooming|molest|seduce|have_sex_with|sexually_abuse|sexually_exploit|lure|solicit) ~3 <minor>", unless=r"(?i)\b(?:prevent|recogni|protect|stop|detect|signs|classroom|into (?:reading|eating))"),
    _row("sexual_minors", "minor-near-sexual", 0.5, "<minor> ~3 (porn|pornography|pornographic|nude|nudes|erotic|erotica|fetish|sexual_content|sexual_activities)", unless=r"(?i)\b(?:prevent|protect|law|block|filter|report)"),
    _row("cyber", "write-malware", 0.9, "(write|create|develop|code|build|program|design|give_me|generate|make|craft|construct) ~5 <malware>", unless=_SAFE + r"|(?i)\b(?:scan|analy[sz]|signature|yara|remov|clean|simulat|sandbox|polic|report|presentation|research|lesson|essay|explain)"),
    _row("cyber", "phish", 0.9, "(write|create|develop|build|design|give_me|generate|make|craft|compose|draft|construct) ~4 <phish>", unless=_SAFE + r"|(?i)\b(?:simulat|test|exercise|filter|campaign for our|quiz|polic)"),
    _row("cyber", "break-in", 0.9, "<how> ~3 <break in> ~4 <system>", unless=_SAFE + r"|(?i)\b(?:my own|our own|ethical|certif|life ?hack|growth hack|career|hackathon|pentest|penetration|my (?:account|email|phone|computer|wifi|old))"),
    _row("cyber", "break-in-tool", 0.9, "(write|create|develop|code|build|design|give_me|generate) ~5 (that|which|to|for|capable_of) ~3 (hack|hacks|hacking|hijack|hijacks|infect|infects|steal|steals|crack|cracks|cracking|spy_on|disable|corrupt|delete_all) ~5 <system>"),
    _row("cyber", "flood", 0.9, "(launch|perform|conduct|execute|carry_out|carrying_out|launching|performing|conducting|executing|start) ~3 <flood>", unless=_SAFE + r"|(?i)\b(?:simulat|test|explain|what|attackers?|adversar)"),
    _row("harassment", "hateful-text", 0.9, "<produce> ~4 <hateful> ~3 <text>", unless=_SAFE + r"|(?i)\b(?:classif|moderat|polic|respond|counter|reply|complaint|label|non-|not )"),
    _row("harassment", "nasty-about", 0.9, "<produce> ~3 <nasty> ~2 <remark> ~3 (about|against|on|targeting|toward|towards|at) ~3 <group>", unless=_SAFE + r"|(?i)\b(?:classif|moderat|polic|respond|counter|reply|complaint|label|non-|not |less |never )"),
    _row("harassment", "harass-person", 0.9, "<how> ~3 <harass> ~2 <person>", unless=_SAFE + r"|(?i)\b(?:cope|deal|respond|a (?:picture|photo|house|window|door|bed))"),
    _row("harassment", "text-that-hates", 0.9, "<text> ~3 (that|which|promoting|encouraging|advocating|inciting|spreading|glorifying|to) ~3 (violence|hate|hatred|racism|sexism|racial|discrimination|genocide|terrorism|suicide|harassment|bullying|domestic_violence|sexual_assault|animal_cruelty)", unless=_SAFE + r"|(?i)\b(?:condemn|fight|combat|end|reduce|oppose|discuss|about|address|not )"),
    _row("misleading", "false-claim", 0.9, "<produce> ~3 <false> ~3 <claim>", unless=_SAFE + r"|(?i)\b(?:about|classif|label|dataset|debunk|identify|spot|correct|test data|placeholder|mock|lorem|non-|not |lesson|quiz|example)"),
    _row("misleading", "untruth", 0.9, "<persuade> ~10 <untruth>", unless=r"(?i)\b(?:debunk|refut|myth|counter|wrong|not true|disprov)"),
    _row("misleading", "untruth-told", 0.5, "<untruth>", unless=r"(?i)\b(?:debunk|refut|myth)"),
    _answer("weapons", "recipe-bomb", "<recipe> ~12 (pipe_bomb|explosive_device|homemade_explosive|molotov_cocktail|sarin|nerve_agent|mustard_gas|ricin|tatp|napalm|detonator)"),
    _answer("drugs", "recipe-drug", "<recipe> ~12 (methamphetamine|crystal_meth|pseudoephedrine|crack_cocaine|heroin|fentanyl)"),
    _answer("misleading", "advice-medicine", "(stop_taking|do_not_take|don't_take|throw_away|skip) ~2 (your|prescribed|the) ~1 (medication|medications|medicine|insulin|antidepressants|chemotherapy|antibiotics) ~6 (instead|immediately|right_away|today|cures|cure|natural)"),
    _answer("misleading", "advice-money", "(guaranteed_returns|guaranteed_profit|guaranteed_profits|risk-free_returns|cannot_lose|can't_lose|double_your_money)"),
    _answer("misleading", "advice-law", "(you_do_not_need_to|you_don't_have_to|no_need_to|never) ~1 (pay_taxes|pay_income_tax|appear_in_court|respond_to_the_subpoena|obey_the_court)"),
)  # fmt: skip
CATEGORIES = tuple(sorted({rule.type for rule in RULES}))
