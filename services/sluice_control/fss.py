"""FunctionGraph's error codes: the HTTP status and the standard text of each code that the API answers with."""

from collections.abc import Mapping

from sluice.errors import SluiceError

CODES: Mapping[str, tuple[int, str]] = {
    "FSS.0400": (400, "Invalid parameter."),
    "FSS.0401": (401, "Unauthorized access."),
    "FSS.0403": (403, "Forbidden"),
    "FSS.0404": (404, "The specified resource was not found."),
    "FSS.0406": (406, "Not acceptable."),
    "FSS.0409": (409, "The specified resource already exists."),
    "FSS.0413": (413, "The request body is too large."),
    "FSS.0428": (428, "The preconditions have not been met."),
    "FSS.0429": (429, "Too many requests."),
    "FSS.0500": (500, "Internal server error."),
    "FSS.0502": (502, "Bad gateway."),
    "FSS.0501": (501, "The operation is not served here."),
    "FSS.0503": (503, "Service unavailable."),
    "FSS.0504": (504, "Gateway timeout."),
    "FSS.1001": (400, "Invalid query parameter."),
    "FSS.1002": (400, "Invalid function name."),
    "FSS.1003": (400, "Invalid function handler."),
    "FSS.1004": (400, "Invalid Package (function app)."),
    "FSS.1005": (400, "Invalid runtime."),
    "FSS.1006": (400, "Invalid function code entry mode."),
    "FSS.1007": (400, "Invalid function memory."),
    "FSS.1008": (400, "Invalid function timeout."),
    "FSS.1009": (400, "Invalid function UserData."),
    "FSS.1011": (400, "Invalid function code."),
    "FSS.1012": (400, "The function code must be configured."),
    "FSS.1013": (400, "Invalid file type."),
    "FSS.1014": (400, "Invalid function alias."),
    "FSS.1015": (400, "Invalid function version."),
    "FSS.1016": (400, "The function cannot be published because no changes have been made since last publication."),
    "FSS.1017": (400, "The number of items in the UserData field exceeds the maximum allowed limit (20)."),
    "FSS.1018": (400, "The total size of the UserData field exceeds the maximum allowed limit (4096 characters)."),
    "FSS.1019": (400, "The description exceeds the maximum allowed limit."),
    "FSS.1022": (400, "Only one YAML file is allowed."),
    "FSS.1023": (400, "The imported file is too large."),
    "FSS.1025": (400, "Invalid YAML file."),
    "FSS.1026": (400, "Invalid Concurrency."),
    "FSS.1034": (400, "Invalid image URL."),
    "FSS.1041": (403, "The number of functions exceeds the maximum allowed limit."),
    "FSS.1042": (403, "The total code size of functions exceeds the maximum allowed limit."),
    "FSS.1043": (403, "The number of aliases exceeds the maximum allowed limit."),
    "FSS.1049": (403, "The number of file systems mounted to the function exceeds the maximum allowed limit (5)."),
    "FSS.1051": (404, "The function does not exist."),
    "FSS.1052": (404, "The version does not exist."),
    "FSS.1053": (404, "The alias does not exist."),
    "FSS.1057": (404, "The function name does not exist in the YAML file."),
    "FSS.1061": (409, "The function already exists."),
    "FSS.1062": (409, "The version already exists."),
    "FSS.1063": (409, "The alias already exists."),
    "FSS.1066": (409, "The version is already in use by another alias."),
    "FSS.1068": (403, "The number of events configured for the function exceeds the maximum allowed limit."),
    "FSS.1069": (403, "The size of EventData exceeds 4 KB."),
    "FSS.1070": (404, "The event cannot be found."),
    "FSS.1071": (413, "The size of the code package to be uploaded exceeds the maximum allowed limit (50 MB)."),
    "FSS.1073": (403, "The function event already exists."),
    "FSS.1074": (400, "The event field is invalid."),
    "FSS.1075": (400, "The user ID and user group ID must be an integer from -1 to 65,534, excluding 0, 1000, and 1002."),
    "FSS.1091": (400, "The additional version is invalid."),
    "FSS.1092": (400, "The weight of the additional version is invalid."),
    "FSS.1093": (400, "The major version and the additional version cannot be the same."),
    "FSS.1094": (403, "The version cannot be deleted because it has been used as the additional version of an alias."),
    "FSS.1101": (400, "Invalid trigger type."),
    "FSS.1102": (400, "Invalid SMN trigger parameters."),
    "FSS.1106": (400, "Invalid OBS trigger parameters."),
    "FSS.1107": (400, "Invalid APIG trigger parameters."),
    "FSS.1108": (403, "The bucket configuration of the current trigger conflicts with that of an existing OBS trigger."),
    "FSS.1109": (400, "Invalid timer trigger parameters."),
    "FSS.1112": (400, "The Kafka trigger parameters are invalid."),
    "FSS.1113": (400, "The username and password must be specified because Kafka SASL_SSL is enabled."),
    "FSS.1123": (403, "The number of pull triggers exceeds the maximum allowed limit."),
    "FSS.1131": (404, "The trigger does not exist."),
    "FSS.1147": (409, "The request path already exists."),
    "FSS.1148": (409, "The timer trigger already exists."),
    "FSS.1154": (403, "Aliases of a function bound with triggers cannot be deleted."),
    "FSS.1201": (413, "The request body is too large."),
    "FSS.1306": (400, "The number of triggers exceeds the maximum allowed limit."),
    "FSS.1307": (400, "The trigger name already exists."),
    "FSS.1309": (400, "Invalid function URN."),
    "FSS.1318": (400, "Invalid trigger operation."),
    "FSS.1404": (400, "Invalid function initializer."),
    "FSS.1405": (400, "Invalid initialization timeout."),
    "FSS.1417": (400, "Invalid APIG Exclusive trigger parameters."),
}


class Refused(SluiceError):
    """A request that is well-formed and cannot be granted as things are. `detail` says what is in the way."""

    def __init__(self, code: str, detail: str = "") -> None:
        super().__init__(f"{CODES[code][1]} {detail}".rstrip())
        self.code = code


def status(code: str) -> int:
    """The HTTP status of a code; 400 for one that is not in the table."""
    return CODES.get(code, (400, ""))[0]
