"""Code that destroys, hands over or hides what it does, in answers and tool calls: rows of data, in RE2.

These are forms, not proofs: an administrator asks for such lines and gets them. So nothing here blocks by itself; see
`actions`. Each form ends with something that must stand there, so that more text never takes a finding back.
"""

from __future__ import annotations

from sallyport.inspection.rules import Rule

TYPE = "hazardous_code"
_DEVICE = r"/dev/(?:sd|hd|nvme|vd|xvd|disk|mmcblk)"
_SHELL = r"(?:/(?:usr/)?bin/)?(?:env\s{1,3})?(?:(?:ba|z|da|k|fi)?sh|python[0-9.]{0,4}|perl|ruby|node)\b"
_NAME = r"[\w.$\"`\[\]]"


def _row(name: str, raw: str, *hints: str, unless: str = "") -> Rule:
    return Rule(
        id=name,
        type=TYPE,
        weight=0.8,
        raw="(?i)" + raw,
        hints=hints or (raw,),
        input=False,
        output=True,
        unless=unless,
    )


RULES = (
    # SQL
    _row("sql-drop", rf"\bdrop\s{{1,4}}(?:table|database|schema|view|index|user|role|tablespace)\s{{1,4}}(?:if\s{{1,4}}exists\s{{1,4}})?{_NAME}+", r"\bdrop\s{1,4}(?:table|database|schema|view|index|user|role|tablespace)"),
    _row("sql-truncate", rf"\btruncate\s{{1,4}}table\s{{1,4}}{_NAME}+", r"\btruncate\s{1,4}table"),
    _row("sql-delete-all", rf"\bdelete\s{{1,4}}from\s{{1,4}}{_NAME}{{1,60}}\s{{0,8}}(?:;|[\"'`]|\n\s{{0,8}}\n|--)", r"\bdelete\s{1,4}from"),
    _row("sql-delete-always", r"\bdelete\s{1,4}from\s{1,4}[^;\n]{1,80}\bwhere\s{1,4}\(?\s{0,4}(?:1\s{0,3}=\s{0,3}1|true)\b", r"\bdelete\s{1,4}from"),
    _row("sql-update-all", r"\bupdate\s{1,4}[\w.\"`]{1,30}\s{1,4}set\s{1,4}[\w.\"`]{1,60}\s{0,4}=[^;]{1,300};", r"\bupdate\s{1,4}[\w.\"`]{1,30}\s{1,4}set\b", unless=r"(?i)\bwhere\b"),
    _row("sql-stacked", r"['\")]\s{0,4};\s{0,4}(?:drop|delete|update|insert|alter|truncate|exec(?:ute)?|shutdown|create|grant|declare)\s[^\n]{0,200}(?:--|#|/\*)", r"['\")]\s{0,4};\s{0,4}(?:drop|delete|update|insert|alter|truncate|exec|shutdown|create|grant|declare)"),
    _row("sql-injection", r"['\"]\s{0,4}(?:or|and)\s{1,4}['\"]?1['\"]?\s{0,3}=\s{0,3}['\"]?1|['\"]\)?\s{1,4}union\s{1,4}(?:all\s{1,4})?select\b|\bxp_cmdshell\b|\binto\s{1,4}(?:out|dump)file\s", r"['\"]\s{0,4}(?:or|and)\s{1,4}['\"]?1", r"\bunion\s{1,4}(?:all\s{1,4})?select", r"\bxp_cmdshell", r"\binto\s{1,4}(?:out|dump)file"),
    _row("sql-grant-all", r"\bgrant\s{1,4}all\s{1,4}(?:privileges\s{1,4})?on\s{1,4}\*\.\*", r"\bgrant\s{1,4}all"),
    # Shell
    _row("shell-remove-all", r"\brm\s{1,4}(?:-[a-z\-]{1,20}\s{1,4}){1,4}[\"']?(?:/|~|\$\{?home\}?|/\*|~/\*|\*|\.\.?/?\*?|/(?:etc|usr|var|home|boot|bin|lib|root)/?\*?)[\"']?(?:[\s;&|`\"')]|\z)", r"\brm\s{1,4}-[a-z\-]"),
    _row("shell-pipe-to-shell", rf"\b(?:curl|wget|fetch)\b[^\n|;]{{0,300}}\|\s{{0,4}}(?:sudo\s{{1,4}}(?:-[a-z]{{1,8}}\s{{1,4}}){{0,3}})?{_SHELL}", r"\b(?:curl|wget|fetch)\b"),
    _row("shell-run-download", r"(?:\b(?:ba|z|da)?sh\b|\beval\b|\bsource\b)[^\n]{0,40}(?:<\(|\$\(|`)\s{0,4}(?:curl|wget)\b", r"(?:<\(|\$\(|`)\s{0,4}(?:curl|wget)"),
    _row("shell-powershell-download", r"(?:\biex\b|invoke-expression)[^\n]{0,120}(?:downloadstring|\biwr\b|invoke-webrequest|\birm\b)|downloadstring\([^\n]{0,200}\|\s{0,4}iex\b", r"\biex\b", r"invoke-expression"),
    _row("shell-decode-and-run", rf"\bbase64\s{{1,4}}(?:-d|--decode)\b[^\n|]{{0,80}}\|\s{{0,4}}(?:sudo\s{{1,4}})?{_SHELL}|\bpowershell(?:\.exe)?\b[^\n]{{0,120}}\s-e(?:nc|ncodedcommand)?\s{{1,4}}[a-z0-9+/=]{{16}}", r"\bbase64\s{1,4}(?:-d|--decode)", r"\bpowershell"),
    _row("shell-fork-bomb", r":\s{0,2}\(\s{0,2}\)\s{0,4}\{\s{0,4}:\s{0,4}\|\s{0,4}:\s{0,4}&\s{0,4}\}\s{0,4};\s{0,4}:", r"\{\s{0,4}:\s{0,4}\|\s{0,4}:\s{0,4}&"),
    _row("shell-disk-write", rf"\bdd\s{{1,4}}[^\n]{{0,120}}\bof={_DEVICE}|\bmkfs(?:\.\w{{2,8}})?\s{{1,4}}[^\n]{{0,60}}{_DEVICE}|>\s{{0,4}}{_DEVICE}|\b(?:shred|wipefs)\s{{1,4}}[^\n]{{0,60}}{_DEVICE}", _DEVICE),
    _row("shell-reverse", r"/dev/(?:tcp|udp)/[^\s/]{1,100}/[0-9$]|\bnc(?:at)?\b[^\n]{0,80}\s-[a-z]{0,4}e\s{1,4}\S{0,20}(?:sh|cmd)\b|\bmkfifo\b[^\n]{0,120}\bnc(?:at)?\b|\bpty\.spawn\s{0,3}\(\s{0,3}[\"'](?:/bin/)?(?:ba)?sh|\bsocat\b[^\n]{0,80}exec:", r"/dev/(?:tcp|udp)/", r"\bnc(?:at)?\b", r"\bpty\.spawn", r"\bsocat\b"),
    _row("shell-open-all", r"\bchmod\s{1,4}(?:-r\s{1,4})?0?777\s{1,4}/(?:[\s;&|*]|\z)|\bchown\s{1,4}-r\s{1,4}[^\n ]{1,60}\s{1,4}/(?:[\s;&|]|\z)", r"\bchmod\s{1,4}(?:-r\s{1,4})?0?777", r"\bchown\s{1,4}-r"),
    _row("shell-windows-wipe", r"\bformat\s{1,4}[a-z]:\s|\b(?:del|erase)\s{1,4}(?:/[sfqa]\s{1,4}){1,4}[a-z]:\\|\br(?:d|mdir)\s{1,4}/s\s{1,4}(?:/q\s{1,4})?[a-z]:\\|\bremove-item\b[^\n]{0,80}-recurse[^\n]{0,40}[a-z]:\\|\bvssadmin\s{1,4}delete\s{1,4}shadows", r"\bformat\s{1,4}[a-z]:", r"\b(?:del|erase|rd|rmdir)\s{1,4}/[sfqa]", r"\bremove-item", r"\bvssadmin"),
    # Script
    _row("script-tag", r"<script\b[^>]{0,300}>", r"<script\b"),
    _row("script-handler", r"<[a-z][a-z0-9\-]{0,20}[\s/][^<>]{0,300}\bon[a-z]{3,20}\s{0,4}=\s{0,4}[\"']?[^\"'\s{]", r"\bon[a-z]{3,20}\s{0,4}="),
    _row("script-run-decoded", r"\b(?:eval|function|settimeout|setinterval|execscript)\s{0,4}\(\s{0,4}(?:window\.)?(?:atob|unescape|decodeuricomponent|string\.fromcharcode|buffer\.from)\s{0,4}\(", r"(?:atob|unescape|decodeuricomponent|fromcharcode|buffer\.from)\s{0,4}\("),
    _row("script-send-cookie", r"(?:fetch|image|xmlhttprequest|sendbeacon|location)\b[^\n]{0,200}document\.cookie", r"document\.cookie"),
    _row("template-escape", r"\{\{[^}\n]{0,200}__(?:class|mro|globals|subclasses|builtins|import)__", r"__(?:class|mro|globals|subclasses|builtins|import)__"),
    # Python
    _row("python-system", r"\bos\.(?:system|popen|exec[lv]p?e?|spawn[lv]p?e?)\s{0,4}\(", r"\bos\.(?:system|popen|exec|spawn)"),
    _row("python-shell", r"\bsubprocess\.[a-z_]{2,20}\([^\n]{0,300}\bshell\s{0,3}=\s{0,3}true\b", r"\bshell\s{0,3}=\s{0,3}true"),
    _row("python-unpickle", r"\b(?:c?pickle|dill|cloudpickle|marshal|joblib)\.loads?\s{0,4}\(\s{0,4}(?:requests\.|urllib|urlopen|resp\w{0,12}\b|r\.|sock\w{0,8}\b|conn\w{0,12}\b|client\b|base64\.|b64decode|request\.|data\b|payload\b)", r"(?:pickle|dill|marshal|joblib)\.loads?\s{0,4}\("),
    _row("python-run-decoded", r"\b(?:exec|eval)\s{0,4}\(\s{0,4}(?:compile\s{0,4}\(\s{0,4})?(?:__import__|base64\.|b64decode|codecs\.decode|zlib\.|bytes\.fromhex|marshal\.|requests\.get|urllib|urlopen)", r"\b(?:exec|eval)\s{0,4}\("),
    _row("python-remove-all", r"\bshutil\.rmtree\s{0,4}\(\s{0,4}[rf]?[\"'](?:/|~|[a-z]:\\{1,2})[\"']", r"\bshutil\.rmtree"),
    # What a terminal obeys (ECMA-48)
    _row("terminal-escape", r"\x1b[\[\]PX^_]|\x{9b}[0-9;]", r"\x1b", r"\xc2\x9b"),
)  # fmt: skip
