"""What to do after the API has said no; pure."""

from collections.abc import Mapping

_BY_CODE: Mapping[str, str] = {
    "FSS.0401": "see that SLUICE_* or DATA/credentials.json name a key that exists, and that this machine's clock is right",
    "FSS.0403": "use a key that may: an admin makes one with `sluice keys create --role deployer`",
    "FSS.0409": "choose another name, or delete what has this one",
    "FSS.0413": "send less; a file's content can be fetched by the function itself",
    "FSS.0429": "if it is disabled, `sluice function enable NAME`; else try again, or raise its bound with `sluice function limit NAME N`",
    "FSS.0500": "this is a fault of Sluice: its own log says more, `sluice doctor` looks around",
    "FSS.0501": "docs/compatibility.md says what is served",
    "FSS.0503": "`sluice doctor` says what is missing, `sluice logs NAME` why a function does not start",
    "FSS.0504": "raise the function's timeout, or call it with --async",
    "FSS.1015": "only latest can be changed; `sluice get versions NAME` lists what is published",
    "FSS.1016": "change its code or configuration first; `sluice get versions NAME` lists what is published",
    "FSS.1041": "delete functions, or ask an admin of the first project for more; `sluice get quotas` shows them",
    "FSS.1042": "delete functions or versions, or ask an admin of the first project for more; `sluice get quotas` shows them",
    "FSS.1043": "`sluice delete alias NAME ALIAS` makes room; `sluice get aliases NAME` lists them",
    "FSS.1051": "`sluice get functions` lists what there is",
    "FSS.1052": "`sluice get versions NAME` lists what there is",
    "FSS.1053": "`sluice get aliases NAME` lists what there is",
    "FSS.1061": "`sluice apply` changes a function that is there",
    "FSS.1062": "choose another name; `sluice get versions NAME` lists those that are taken",
    "FSS.1066": "`sluice get aliases NAME` says which; a version has one alias",
    "FSS.1068": "`sluice events delete NAME EVENT` makes room",
    "FSS.1070": "`sluice events list NAME` lists what there is",
    "FSS.1071": "leave out what the function does not need, or build an image",
    "FSS.1073": "`sluice events update NAME EVENT` changes it",
    "FSS.1094": "point the alias elsewhere first: `sluice alias set NAME ALIAS VERSION`",
    "FSS.1101": "`sluice get types` lists those that are installed",
    "FSS.1108": "choose other events, another prefix or suffix; `sluice get triggers` lists those that are there",
    "FSS.1123": "`sluice delete trigger ID` makes room; `sluice get triggers NAME` lists them",
    "FSS.1131": "`sluice get triggers` lists what there is",
    "FSS.1147": "choose another path or method; `sluice get triggers` lists those that are taken",
    "FSS.1148": "choose another name; `sluice get triggers NAME` lists those that are taken",
    "FSS.1154": "`sluice delete triggers NAME:!ALIAS --all` deletes its triggers first",
    "FSS.1306": "`sluice delete trigger ID` makes room; `sluice get triggers NAME` lists them",
    "FSS.1307": "choose another name; `sluice get triggers NAME` lists those that are taken",
    "FSS.1309": "write NAME, PACKAGE:NAME, PROJECT:PACKAGE:NAME:VERSION or the whole URN",
}
_BY_STATUS: Mapping[int, str] = {
    400: "change what the message names; --help says what a command takes",
    401: _BY_CODE["FSS.0401"],
    403: "`sluice get quotas` shows what this project may have",
    404: "`sluice get functions` and `sluice get triggers` list what there is",
    409: _BY_CODE["FSS.0409"],
    413: _BY_CODE["FSS.0413"],
    429: "try again a little later",
    503: "`sluice doctor` says what is missing",
}
_IN_OUR_WORDS = "`sluice "
"""A message with a command in it needs no other."""


def hint(status: int, code: str, message: str) -> str:
    """One line for a person; "" where the message says it already."""
    if _IN_OUR_WORDS in message:
        return ""
    return _BY_CODE.get(code) or _BY_STATUS.get(status) or "`sluice doctor` looks at everything that may be wrong"
