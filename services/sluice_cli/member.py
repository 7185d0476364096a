"""One service of a mesh that `sluice up --mesh` started: `python -m sluice_cli.member SERVICE DATA [CONFIG]`.

The same as `sluice serve`, without the libraries of a command line, which would be a sixth of a small service's memory.
"""

import sys
from pathlib import Path
from types import ModuleType
from typing import cast

from sluice.errors import SluiceError

sys.modules["rich"] = cast("ModuleType", None)
"""None means that it cannot be imported: structlog would draw tracebacks with it, and it is 6 MiB of every service."""


def main() -> int:
    from sluice_cli.serve import serve

    service, data, *config = sys.argv[1:]
    try:
        serve(service, data=Path(data), config=Path(config[0]) if config else None)
    except SluiceError as error:
        sys.stderr.write(f"sluice {service}: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
