"""`sluice token`: for programs that cannot sign."""

import json

from sluice_cli import show
from sluice_cli.options import DATA, Data, Format, Output, connected


def token(output: Output = Format.TABLE, data: Data = DATA) -> None:
    """Print a token that is good for a day: curl -H "X-Auth-Token: $(sluice token)" …"""
    with connected(data) as client:
        answer = client.request("POST", "/v3/auth/tokens", {"nocatalog": "true"}, json.dumps(client.login()).encode())
    text = answer.headers["x-subject-token"]
    if output is Format.TABLE:
        show.line(text)
    else:
        show.document({"token": text} | {name: value for name, value in answer.json()["token"].items() if name != "catalog"}, output)
