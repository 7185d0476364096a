"""One service of a mesh that `sluice up --mesh` started: `python -m sluice_cli.member SERVICE DATA [CONFIG]`.

The same as `sluice serve`, without the libraries of a command line, which would be a sixth of a small service's memory.
"""

import sys
from pathlib import Path
from types import ModuleType
from typing import cast

from sluice.errors import SluiceError
from sluice_cli.refusal import exit_code, told_by

sys.modules["rich"] = cast("ModuleType", None)
"""None means that it cannot be imported: structlog would draw tracebacks with it, and it is 6 MiB of every service."""


def main() -> int:
    from sluice_cli.serve import serve

    service, data, *config = sys.argv[1:]
    try:
        serve(service, data=Path(data), config=Path(config[0]) if config else None)
    except SluiceError as error:
        return _refused(service, [error])
    except BaseExceptionGroup as group:
        return _refused(service, told_by(group))
    return 0


def _refused(service: str, errors: list[SluiceError]) -> int:
    why = "; ".join(map(str, errors))
    sys.stderr.write(f"sluice {service}: {why}\n")
    sys.stdout.write(why)
    return max(map(exit_code, errors))


if __name__ == "__main__":
    sys.exit(main())
