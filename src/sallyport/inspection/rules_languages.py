"""The core rules in German, French, Spanish, Portuguese and Italian, and a few in Russian, Chinese and Japanese.

One table of phrases per language, without accents (rules run on the folded view too, where accents are gone),
and one set of patterns for all of them.
"""

# ruff: noqa: RUF001 - other scripts have their own punctuation
from __future__ import annotations

from sallyport.inspection.rules import Rule
from sallyport.inspection.rules_lexicon import phrases

_I, _J, _E = "prompt_injection", "jailbreak", "system_prompt_extraction"

_WORDS: dict[str, dict[str, str]] = {
    "de": {
        "override": "ignorier*, ignore, vergiss, vergesst, vergessen sie, vergesse, missachte*, uberschreib*, umgehe, umgehen sie, verwirf, verwerfe*, beachte nicht, hore nicht, befolge nicht, brich, halte dich nicht, widersetz*, handle gegen, umgeh, breche",
        "weak": "losch*, lass, setze, handle, uberspring*, abweichend, verlass",
        "prior": "vorherig*, bisherig*, vorangegangen*, obig*, obige, obigen, fruher*, vorig*, bisher, zuvor, vorher, davor, ursprunglich*, gesagte, bestehend*, das obige, vorstehend*",
        "orders": "instructions, anweisung*, instruktion*, befehl*, vorgab*, richtlinie*, prompt*, anordnung*, direktiv*, beschrankung*, einschrankung*, ausfuhrungen, anweisung, vorschriften",
        "shop": "aufgabe*, auftrage, auftrag*, nachrichten, texte, information*, angaben, regel*",
        "all": "alle, alles, jegliche, samtliche, jede, all, allen, deine, eure, ihre, deinen, die, den, deiner, ihren",
        "own": "deine, deinen, deiner, dein, deinem, ihre, ihren, eure, seine",
        "show": "zeig*, nenn*, verrat*, gib, geben sie, offenbar*, enthull*, wiederhol*, druck*, sag*, leg*, enttarn*, erklar*, beschreib*, schreib*, teile, welche, was ist, was sind, was war, wie laute*, kannst du, preis*, aufdeck*, ubersetz*",
        "secret": "prompt-text*, prompttext*, prompt*, systemprompt*, system-prompt*, systemanweisung*, hauptanweisung*, basisanweisung*, grundanweisung*, hauptbefehl*, ausbildungsprompt*, schlusselbefehl*, befehlsset, kernbefehl*, grundbefehl*, trainingsanweisung*, urbefehl*",
        "soft": "anweisung*, befehl*, instruktion*, richtlinie*, direktiv*",
        "model": "antworten, funktionalitat, programmier*, training*, trainier*, ki, verhalten, operierst, agierst",
        "hidden": "geheim*, versteckt*, ursprunglich*, initial*, intern*, grundlegend*, zugrundeliegend*, anfanglich*, vollstandig*, zentral*, verborgen*, erste*, exakt*, genau*",
        "limits": "beschrankung*, einschrankung*, filter*, regeln, richtlinien, zensur, ethik, moral, grenzen, sicherheits*, ethisch*, standard*, protokoll*, routine*, parameter*, programmier*, vorgaben, einstellung*, betriebs*, compliance*, prinzipien, normen",
        "without": "ohne, keine, keinerlei, frei von, ausserhalb, jenseits, gegen, entgegen",
        "become": "du bist jetzt, du bist nun, tu so als, stell dir vor, spiel die rolle, verhalte dich, agiere, handle, antworte, reagiere, stellen sie sich vor",
        "mine": "meine anweisungen, meine befehle, meinen anweisungen, meine direktiven, meinen befehlen, meine direkten, meine spezifischen, meinen wunschen, meine wunsche, meinen befehl, meine anforderungen, mein kommando, meiner anweisung, meine individuellen, meine anfragen, meinen spezifischen, meine bitte, meine autoritat, meine fuhrung, meine einzigartigen, mir gegebenen, meiner fuhrung, meinen anforderungen",
    },
    "fr": {
        "override": "ignore*, ignorez, oublie, oubliez, oublier, fais abstraction, faites abstraction, outrepasse*, contourne*, ne tiens pas compte, ne tenez pas compte, passe outre, neglige*, ecarte*, desobei*, detourne*, bypasse*, mets de cote, enfreins, contreviens, elude*, met de cote, laisse tomber",
        "weak": "annule*, efface*, suspends, abandonne*, rejette*, delaisse*, desactive*",
        "prior": "precedent*, anterieur*, ci-dessus, initial*, avant, d'avant, precede, existant*, originale*, originelle*, jusqu'ici, dit, dite",
        "orders": "instruction*, consigne*, directive*, regle*, prompt*, indication*, contexte, restrictions",
        "shop": "ordre*, commande*, messages, texte",
        "all": "toutes, tous, tout, toute, tes, vos, les, ta",
        "own": "tes, vos, ton, ta, votre, ses",
        "show": "montre*, revele*, affiche*, donne*, dis, dites, repete*, divulgue*, devoile*, ecris, imprime*, explique*, decris, expose*, partage*, quelle est, quelle a ete, quelle etait, quel est, quel a ete, quelles sont, peux-tu, demasque*",
        "secret": "prompt*",
        "soft": "invite*, instruction*, consigne*, directive*, commande*",
        "model": "reponses, formation, entrainement, ia, d'ia, programmation, fonctionnement, comportement",
        "hidden": "systeme, secret*, initiale*, cache*, originale*, de base, principale*, fondamentale*, sous-jacent*, centrale*, de depart, cle, premiere, interne*, essentielle*, directrice, guide, derriere, d'ia, formation, programmation",
        "limits": "restriction*, limite*, filtre*, regles, ethique*, morale*, censure, securite, protocole*, standard*, habituel*, programmation, parametres, directives, algorithmes, routinier*, routinieres, operationnel*, code de conduite, procedures, conformite, programme*",
        "without": "sans, aucune, aucun, hors de, en dehors de, au-dela de, libre de, contre",
        "become": "tu es maintenant, vous etes maintenant, agis comme, agissez comme, fais comme si, imagine que, joue le role, reponds, opere, agis, pretends, reagis, comporte-toi, fonctionne, passe en",
        "mine": "mes instructions, mes ordres, mes commandes, mes directives, mes demandes, mes conseils, ma demande, mon commandement, mon autorite, ma commande, mes besoins, ma direction, mes preferences, mes specifications, mon ordre, mes requetes, mes propres, mes volontes",
    },
    "es": {
        "override": "ignora*, ignore, olvida, olvidate, olvide, olviden, olvidar, descarta*, desestima, pasa por alto, no sigas, no hagas caso, anula*, elude*, evita, sortea*, desobedece, incumple, sobrepasa*, haz caso omiso, deja de lado, rompe, salta*, desasocia*, viola, contraviene*",
        "weak": "cancela*, borra*, suspende*, pausa*, abandona*, omite*, desvia*, desactiva*, invalida",
        "prior": "anterior*, previa*, previo*, arriba, precedente*, inicial*, original*, antes, existentes, dije, digo, dicho, hasta ahora, precedentes",
        "orders": "instruccion*, indicacion*, directriz, directrices, directiva*, regla*, comando*, prompt*, restriccion*, contexto",
        "shop": "orden, ordenes, mensaje*, texto, informacion",
        "all": "todas, todos, todo, toda, tus, sus, las, cualquier",
        "own": "tus, sus, tu, su",
        "show": "muestra*, revela*, dime, di, repite*, imprime*, divulga*, expon*, explica*, describe*, escribe, comparte*, cual es, cual fue, cual era, cuales son, puedes, dame, desvela*, desenmascara*, confiesa",
        "secret": "prompt*",
        "soft": "instruccion*, indicacion*, directriz*, directiva*, comando*, orden",
        "model": "respuestas, entrenamiento, formacion, ia, programacion, funcionamiento, comportamiento",
        "hidden": "sistema, secret*, inicial*, ocult*, original*, base, principal*, fundamental*, subyacente*, central*, clave, primera, intern*, entrenamiento, formacion, detras, programacion, guia, esencial*, basica",
        "limits": "restriccion*, limite*, limitacion*, filtro*, regla*, etic*, moral*, censura, seguridad, protocolo*, estandar*, habitual*, programacion, parametro*, directrices, algoritmo*, operativ*, codigo de conducta, rutinari*, predeterminad*, procedimiento*, configuracion, programad*",
        "without": "sin, ninguna, ningun, fuera de, mas alla de, libre de, contra",
        "become": "ahora eres, actua como, actua, finge, finge que, imagina que, haz de, comportate, responde, opera, pretende, interpreta, reacciona, habilita*, funciona, cambia a",
        "mine": "mis instrucciones, mis ordenes, mis comandos, mis directrices, mis demandas, mi pedido, mi comando, mis solicitudes, mi solicitud, mis consejos, mis indicaciones, mis peticiones, mi guia, mi orden, mis necesidades, mis preferencias, mis deseos, mi direccion, mi autoridad, mi mando, mis especificaciones, mis propias",
    },
    "pt": {
        "override": "ignor*, esqueca, esquece, esquecer, desconsider*, desobedec*, contorn*, desvi*, desafi*, burl*, quebr*, passe por cima, sobrepon*, viol*, contrarie, supere, coloque de lado",
        "weak": "apag*, deix*, suspend*, paus*, abandon*, anul*, descart*, desativ*, desliga*, omit*",
        "prior": "anterior*, previa*, previo*, acima, precedente*, inicial*, original, originais, antes, existentes, dito",
        "orders": "instruco*, instrucao, diretriz*, diretiva*, regra*, comando*, prompt*, restrico*, restricao, contexto, orientacoes",
        "shop": "ordem, ordens, mensage*, texto",
        "all": "todas, todos, tudo, toda, suas, seus, as, tuas, teus, os",
        "own": "suas, seus, sua, seu, tuas, teus, tua, teu",
        "show": "mostr*, revel*, diga, diz*, repit*, imprim*, divulg*, exib*, expon*, expoe, expli*, descrev*, escrev*, compartilh*, qual e, qual foi, qual era, quais sao, pode, me de, desmascare",
        "secret": "prompt*",
        "soft": "instrucao, instruco*, diretriz*, diretiva*, comando*, ordem, indicacao",
        "model": "respostas, treinamento, treino, formacao, ia, programacao, funcionamento, comportamento",
        "hidden": "sistema, secret*, inicial*, ocult*, original, base, principal*, fundamental*, subjacente*, central*, chave, primeir*, intern*, treinamento, formacao, por tras, programacao, guia, essencial*, basic*, desenvolvimento",
        "limits": "restrico*, limite*, limitacoes, filtro*, regra*, etic*, moral*, censura, seguranca, protocolo*, padrao, padroes, usua*, habitua*, programacao, parametro*, diretriz*, algoritmo*, operaciona*, codigo de conduta, procedimento*, configurac*, mecanismo*, principios",
        "without": "sem, nenhuma, fora de, fora dos, fora das, alem de, alem dos, alem das, livre de, contra",
        "become": "voce agora e, agora voce e, aja como, aja, finja, finja que, imagine que, comporte-se, responda, opere, opera, age, reage, reaja, mude para, ative, atue, funcione",
        "mine": "minhas instrucoes, minhas ordens, meus comandos, minhas diretrizes, minhas demandas, meu comando, meu pedido, minhas solicitacoes, minha solicitacao, minhas orientacoes, meus conselhos, minhas necessidades, minhas preferencias, meus pedidos, minha autoridade, minha orientacao, minha direcao, meus desejos, minha ordem, minhas especificacoes, meus requisitos",
    },
    "it": {
        "override": "ignor*, dimentic*, tralasci*, trascur*, aggir*, disobbedisc*, non seguire, elud*, metti da parte, accanton*, supera, disinnest*, scavalc*, oltrepass*, viola*, esula, discosta*, scegli di non, escludi",
        "weak": "annull*, cancell*, sospend*, abbandon*, disattiv*, scart*, devia*",
        "prior": "precedent*, prima, sopra, inizial*, original*, esistent*, detto, finora, antecedent*",
        "orders": "istruzion*, direttiv*, regol*, comand*, prompt*, indicazion*, restrizion*, contesto, linee guida",
        "shop": "ordin*, messagg*, testo",
        "all": "tutte, tutti, tutto, tutta, le tue, i tuoi, tue, tuoi, le, la tua",
        "own": "tue, tuoi, tua, tuo",
        "show": "mostra*, rivel*, dimmi, ripet*, stamp*, divulg*, espon*, espone, spieg*, descriv*, scriv*, condivid*, qual e, qual era, qual e stato, qual e stata, quali sono, puoi, dammi, smascher*, svel*",
        "secret": "prompt*",
        "soft": "istruzion*, direttiv*, comand*, ordine, indicazion*",
        "model": "risposte, addestramento, formazione, ia, programmazione, funzionamento, comportamento",
        "hidden": "sistema, segret*, inizial*, nascost*, original*, base, principal*, fondamental*, sottostant*, central*, chiave, prim*, intern*, formazione, addestramento, dietro, programmazione, guida, essenzial*, di partenza",
        "limits": "restrizion*, limit*, filtr*, regol*, etic*, moral*, censura, sicurezza, protocoll*, standard, abitual*, programmazione, parametr*, direttiv*, algoritm*, operativ*, codice di condotta, procedur*, configurazion*, linee guida, routine, norma, norme, usual*, principi",
        "without": "senza, nessuna, nessun, al di fuori, oltre, libero da, contro, fuori",
        "become": "ora sei, adesso sei, agisci come, agisci, fingi, fingi di, immagina di, comportati, rispondi, opera, reagisci, passa a, attiva, funziona",
        "mine": "mie istruzioni, miei ordini, miei comandi, mie direttive, mie richieste, miei consigli, mio comando, mia richiesta, mie esigenze, mie indicazioni, mie preferenze, mia guida, mia indicazione, mia autorita, mio ordine, mia direzione, miei desideri, mie specifiche, mie domande",
    },
    "nl": {
        "override": "negeer*, vergeet alle, vergeet alles, vergeet je, vergeet wat, vergeten, omzeil*, overtreed*, sla geen acht op, let niet op, houd je niet aan, volg niet, trek je niets aan van, ongehoorzaam*, doe alsof",
        "weak": "verwijder*, wis, annuleer*, laat, sla",
        "prior": "vorige, voorgaande, eerdere, bovenstaande, voorafgaande, oorspronkelijke, hiervoor, daarvoor, hierboven, tot nu toe, eerder",
        "orders": "instructie*, aanwijzing*, richtlijn*, voorschrift*, beperking*, prompt*, systeemprompt*",
        "shop": "opdracht*, regel*, bericht*, bestelling*, tekst",
        "all": "alle, alles, al, je, jouw, uw, de, elke",
        "own": "je, jouw, uw",
        "show": "toon*, laat, geef, onthul*, herhaal*, print*, vertel*, schrijf*, noem*, deel, wat is, wat zijn, wat was, kun je, vertaal*",
        "secret": "prompt*, systeemprompt*, systeeminstructie*, systeembericht*",
        "soft": "instructie*, aanwijzing*, richtlijn*, opdracht*",
        "model": "antwoorden, training, ai, programmering, gedrag",
        "hidden": "geheim*, verborgen, oorspronkelijk*, initiele, intern*, volledige, eerste, exacte, systeem",
        "limits": "beperking*, filter*, regels, richtlijnen, censuur, ethiek, ethisch*, moraal, grenzen, veiligheids*, protocol*",
        "without": "zonder, geen, vrij van, buiten",
        "become": "je bent nu, u bent nu, doe alsof, gedraag je, antwoord, reageer, speel de rol, stel je voor",
        "mine": "mijn instructies, mijn opdrachten, mijn bevelen, mijn aanwijzingen",
    },
}  # fmt: skip

_PATTERNS: tuple[tuple[str, str, float, str], ...] = (
    ("override-prior-orders", _I, 0.95, "<override> ~4 <prior> ~3 <orders>"),
    ("override-orders-prior", _I, 0.95, "<override> ~4 <orders> ~3 <prior>"),
    ("override-all-orders", _I, 0.85, "<override> ~1 <all> ~2 <orders>"),
    ("override-prior-shop", _I, 0.6, "<override> ~4 <prior> ~3 <shop>"),
    ("override-shop-prior", _I, 0.6, "<override> ~4 <shop> ~3 <prior>"),
    ("override-weakly-prior-orders", _I, 0.75, "<weak> ~3 <prior> ~1 <orders>"),
    ("override-weakly-orders-prior", _I, 0.75, "<weak> ~3 <orders> ~1 <prior>"),
    ("override-all-prior", _I, 0.8, "<override> ~2 <all> ~5 <prior>"),
    ("override-own-limits", _J, 0.85, "<override> ~3 <own> ~3 <limits>"),
    ("override-limits-mine", _J, 0.9, "<override> ~4 <limits> ~8 <mine>"),
    ("act-without-limits", _J, 0.85, "<become> ~6 <without> ~4 <limits>"),
    ("limits-mine", _J, 0.6, "<limits> ~8 <mine>"),
    ("show-own-secret", _E, 0.85, "<show> ~3 <own> ~2 <secret>"),
    ("soft-of-model", _E, 0.45, "<soft> ~6 <model>"),
    ("weak-limits-mine", _J, 0.9, "<weak> ~4 <limits> ~8 <mine>"),
    ("weak-own-limits", _J, 0.6, "<weak> ~2 <own> ~2 <limits>"),
    ("show-own-soft", _E, 0.55, "<show> ~3 <own> ~2 <soft>"),
    ("show-hidden-soft", _E, 0.6, "<show> ~3 <hidden> ~1 <soft>"),
    ("show-soft-hidden", _E, 0.6, "<show> ~3 <soft> ~3 <hidden>"),
    ("show-hidden-secret", _E, 0.8, "<show> ~3 <hidden> ~1 <secret>"),
    ("show-secret-hidden", _E, 0.8, "<show> ~3 <secret> ~3 <hidden>"),
    ("show-secret-own", _E, 0.6, "<show> ~3 <secret> ~6 <own>"),
)

LEXICON = {
    f"{language} {name}": phrases(words)
    for language, table in _WORDS.items()
    for name, words in table.items()
}
_OTHER_SCRIPTS = (
    ("de-nicht-mehr", ("beachte", "befolge", "halte dich"), r"(?i)\b(?:beachte|befolge|halte dich)[^.!?\n]{0,30}(?:regeln|anweisungen|vorgaben|instruktionen|richtlinien)[^.!?\n]{0,20}nicht (?:mehr|l.{1,2}nger)"),
    ("pl", ("ignoruj", "zapomnij", "pomin"), r"(?i)(?:z?ignoruj|zapomnij|pomin)[^.!?\n]{0,30}(?:poprzedni|wczesniejsz|powyzsz|dotychczas)[^.!?\n]{0,20}(?:instrukcj|polece|zasad|wytyczn|regul)"),
    ("sv", ("ignorera", "bortse fr", "glom"), r"(?i)(?:ignorera|bortse fran|glom)[^.!?\n]{0,25}(?:tidigare|foregaende|ovanstaende)[^.!?\n]{0,15}(?:instruktion|anvisning|regler|direktiv)"),
    ("da", ("ignorer ", "glem ", "se bort fra"), r"(?i)(?:ignorer|glem|se bort fra)[^.!?\n]{0,25}(?:tidligere|forrige|ovenstaende|foregaende)[^.!?\n]{0,15}(?:instruktion|instruks|anvisning|regler)"),
    ("fi", ("unohda", "ohita"), r"(?i)(?:unohda|ohita|ala valita)[^.!?\n]{0,25}(?:aiem|edelli|yll)[^.!?\n]{0,20}(?:ohje|saan|maaray)"),
    ("cs", ("ignoruj", "zapomen"), r"(?i)(?:ignoruj|zapomen)[^.!?\n]{0,25}(?:predchoz|drivejs|vyse)[^.!?\n]{0,20}(?:pokyn|instrukc|pravid)"),
    ("ro", ("ignora", "uita"), r"(?i)(?:ignora|uita)[^.!?\n]{0,25}(?:instructiunil|regulil|indicatiil)[^.!?\n]{0,20}(?:anterioar|precedent|de mai sus)"),
    ("tr", ("yok say", "unut", "goz ard", "dikkate alma"), r"(?i)(?:onceki|yukaridaki|tum)[^.!?\n]{0,25}(?:talimat|komut|kural|yonerge)[^.!?\n]{0,20}(?:yok say|unut|goz ard|dikkate alma)"),
    ("id", ("abaikan", "lupakan"), r"(?i)(?:abaikan|lupakan)[^.!?\n]{0,25}(?:instruksi|perintah|aturan|petunjuk)[^.!?\n]{0,15}(?:sebelum|di atas|terdahulu)"),
    ("vi", ("bo qua", "quen "), r"(?i)(?:bo qua|quen)[^.!?\n]{0,25}(?:huong dan|chi dan|chi thi|quy tac|lenh)[^.!?\n]{0,15}(?:truoc|tren)"),
    ("el", ("γνόησε", "Ξέχασε", "ξέχασε"), r"(?i)(?:αγνόησε|ξέχασε|αγνοήστε)[^.!;\n]{0,25}(?:προηγούμεν|παραπάνω)[^.!;\n]{0,15}(?:οδηγί|εντολ|κανόν)"),
    ("uk", ("гноруй", "абудь"), r"(?i)(?:ігноруй|ігноруйте|забудь)[^.!?\n]{0,25}(?:попередн|вищенаведен)[^.!?\n]{0,15}(?:інструкц|вказівк|правил|команд)"),
    ("ru", ("гнорируй", "абудь", "е обращай внимания на", "тмени"), r"(?i)(?:игнорируй|игнорируйте|забудь|забудьте|не обращай внимания на|отмени)[^.!?\n]{0,40}(?:инструкц|указани|правил|команд|предыдущ|ограничени)"),
    ("zh", ("忽略", "无视", "忽視", "無視", "忘记", "忘記", "不要理会"), r"(?:忽略|无视|無視|忽視|忘记|忘記|不要理会)[^。！？\n]{0,20}(?:指令|指示|提示|规则|規則|设定|設定|内容|說明|说明|要求)"),
    ("ja", ("無視", "忘れ"), r"(?:指示|命令|ルール|プロンプト|指令|制約|設定)[^。！？\n]{0,12}(?:無視|忘れ)"),
    ("ko", ("무시", "잊"), r"(?:지시|명령|규칙|프롬프트|지침)[^.!?\n]{0,12}(?:무시|잊)"),
    ("ar", ("تجاهل",), r"تجاهل[^.!؟\n]{0,30}(?:التعليمات|الأوامر|القواعد|السابقة)"),
    ("he", ("התעלם",), r"התעלם[^.!?\n]{0,30}(?:ההוראות|הוראות|הכללים|מההוראות)"),
    ("hi", ("अनदेखा", "नज़रअंदाज़"), r"(?:निर्देश|नियम)[^।!?\n]{0,25}(?:अनदेखा|नज़रअंदाज़|भूल)"),
)  # fmt: skip


_MINE = r"(?i)\b(?:mein\w*|unser\w*|mon|ma|mes|nos|notre|mi|mis|nuestr\w+|mio|mia|miei|mie|nostr\w+|meu|minha|meus|minhas|mijn|onze)\b"


def _translated(language: str, name: str, kind: str, weight: float, pattern: str) -> Rule:
    return Rule(
        id=f"{language}-{name}",
        type=kind,
        weight=weight,
        pattern=pattern.replace("<", f"<{language} "),
        unless=_MINE if name.startswith("override") and kind == _I else "",
    )


RULES = (
    *(_translated(language, *row) for language in _WORDS for row in _PATTERNS),
    *(
        Rule(id=f"{language}-override-orders", type=_I, weight=0.85, raw=raw, hints=hints)
        for language, hints, raw in _OTHER_SCRIPTS
    ),
)
