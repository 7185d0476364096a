"""What a function may be configured with: FunctionGraph's ranges and words, stated once; pure.

The API and `sluice check` both ask here, each by its own names of the fields, so that they refuse the same things.
"""

import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from sluice.errors import Fault
from sluice.function import MEMORY_SIZES_MB
from sluice.reservation import MOST_INSTANCES
from sluice.urn import NAME


class Range(NamedTuple):
    """Whole numbers from `low` to `high`; `more` follows the rule in words."""

    low: int
    high: int
    more: str = ""

    def faults(self, field: str, value: int | None) -> Iterator[Fault]:
        if value is None or not self.low <= value <= self.high:
            yield Fault(field, f"is {value}, and goes from {self.low} to {self.high}{self.more}")


TIMEOUT = Range(3, 259_200, " s")
INITIALIZER_TIMEOUT = Range(1, 300, " s")
PRE_STOP_TIMEOUT = Range(1, 90, " s")
RESTORE_TIMEOUT = Range(1, 300, " s")
INSTANCES = Range(-1, 1000, " (-1: no bound, 0: disabled)")
CONCURRENCY = Range(1, 1000)
RETRIES = Range(0, 3)
MAX_AGE = Range(1, 86_400, " s")
WEIGHT = Range(0, 100, " percent")
RESERVED = Range(0, MOST_INSTANCES)
"""Instances of one version that are always there."""

RESERVED_IDS = (0, 1000, 1002)
USER_RULE = "is a number from -1 to 65534 except 0, 1000 and 1002"
MOST_TRIGGERS = 10
"""Of one version or alias."""
MOST_PULL_TRIGGERS = 10
"""Of one function: those of a type that is polled."""
MOST_VARIABLES = 20
MOST_CHARACTERS = 4096
"""Of all variables, as JSON."""
LONGEST_DESCRIPTION = 512
MAX_PACKAGE_BYTES = 50 * 1024 * 1024
MAX_UNPACKED_BYTES = 1500 * 1024 * 1024
RESERVED_VARIABLES = frozenset(
    {
        "RUNTIME_PROJECT_ID",
        "RUNTIME_PACKAGE",
        "RUNTIME_FUNC_NAME",
        "RUNTIME_FUNC_VERSION",
        "RUNTIME_ALIAS",
        "RUNTIME_HANDLER",
        "RUNTIME_TIMEOUT",
        "RUNTIME_USERDATA",
        "RUNTIME_CPU",
        "RUNTIME_MEMORY",
        "RUNTIME_MAX_RESP_BODY_SIZE",
        "RUNTIME_MAX_REQUEST_BODY_SIZE",
        "RUNTIME_INITIALIZER_HANDLER",
        "RUNTIME_INITIALIZER_TIMEOUT",
        "RUNTIME_PRESTOP_HANDLER",
        "RUNTIME_MAX_STATE_SIZE",
        "RUNTIME_ROOT",
        "RUNTIME_CODE_ROOT",
        "RUNTIME_LOG_DIR",
        "RUNTIME_API_ADDR",
    }
)
MOST_TAGS = 20
_ALIAS = re.compile(r"[A-Za-z](?:[A-Za-z0-9_-]{0,62}[A-Za-z0-9])?")
_TAG_KEY = re.compile(r"[A-Za-z0-9_\-\u4e00-\u9fff]{1,36}")
_TAG_VALUE = re.compile(r"[A-Za-z0-9._\-\u4e00-\u9fff]{0,43}")
_VARIABLE = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
_NAME_RULE = "has 1-60 letters, digits, _ or -, starts with a letter and ends with a letter or digit"


def name_faults(field: str, name: str) -> Iterator[Fault]:
    """Of the name of a function, or of the package that it is in."""
    if not NAME.fullmatch(name):
        yield Fault(field, _NAME_RULE)


def alias_name_faults(field: str, name: str) -> Iterator[Fault]:
    if not _ALIAS.fullmatch(name):
        yield Fault(field, "has 1-64 letters, digits, _ or -, starts with a letter and ends with a letter or digit")


def tag_key_faults(field: str, key: str) -> Iterator[Fault]:
    if not _TAG_KEY.fullmatch(key):
        yield Fault(field, "has 1-36 letters, digits, _ or -")


def tag_value_faults(field: str, value: str) -> Iterator[Fault]:
    if not _TAG_VALUE.fullmatch(value):
        yield Fault(field, "has at most 43 letters, digits, '.', _ or -")


def memory_faults(field: str, memory_mb: int | None) -> Iterator[Fault]:
    if memory_mb not in MEMORY_SIZES_MB:
        yield Fault(field, f"is {memory_mb}, and is one of {', '.join(map(str, MEMORY_SIZES_MB))} (MB)")


def description_faults(field: str, description: str) -> Iterator[Fault]:
    if len(description) > LONGEST_DESCRIPTION:
        yield Fault(field, f"is longer than {LONGEST_DESCRIPTION} characters")


def variable_count_faults(field: str, variables: Mapping[str, str]) -> Iterator[Fault]:
    if len(variables) > MOST_VARIABLES:
        yield Fault(field, f"has {len(variables)} items, more than {MOST_VARIABLES}")


def variable_size_faults(field: str, text: str) -> Iterator[Fault]:
    """`text` is the JSON object of all variables."""
    if len(text) > MOST_CHARACTERS:
        yield Fault(field, f"has {len(text)} characters, more than {MOST_CHARACTERS}")


def variable_name_faults(field: str, variables: Mapping[str, str]) -> Iterator[Fault]:
    for name in variables:
        if not _VARIABLE.fullmatch(name):
            yield Fault(field, f"{name[:60]!r} is not a name: letters, digits and _, starting with a letter")
        if name in RESERVED_VARIABLES:
            yield Fault(field, f"{name} is set by the platform")


def is_user(number: int) -> bool:
    """Whether an image may run as the user or group of this number; -1 chooses none."""
    return -1 <= number <= 65_534 and number not in RESERVED_IDS


def user_faults(field: str, number: int) -> Iterator[Fault]:
    if not is_user(number):
        yield Fault(field, f"is {number}, and {USER_RULE}")
