"""Resolves pyproject.toml into uv.lock, with the addresses of the package index taken out.

The lock says which versions and which files (by digest) are installed; where they come from is the business of whoever
installs them: `tools/setup.sh` takes them from the index the machine is configured for.
Extra arguments go to `uv lock` (for example --upgrade).
"""

import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
INDEX = "https://index.invalid/simple"
FILES = "https://files.invalid"

REGISTRY = re.compile(r'(registry = )"[^"]*"')
FILE_URL = re.compile(r'(url = )"[^"]*/([^"/]+)"')


def without_hosts(lock: str) -> str:
    """The same lock with every index and file address replaced by a name that resolves nowhere; file names stay."""
    return FILE_URL.sub(rf'\1"{FILES}/\2"', REGISTRY.sub(rf'\1"{INDEX}"', lock))


def resolve(arguments: list[str]) -> str:
    """What uv resolves pyproject.toml to, keeping the versions of the present lock where they still fit."""
    with tempfile.TemporaryDirectory() as folder:
        for name in ("pyproject.toml", "uv.lock", "README.md"):
            if (ROOT / name).exists():
                shutil.copy(ROOT / name, folder)
        subprocess.run([Path(sys.executable).with_name("uv"), "lock", "--project", folder, *arguments], check=True)
        return (Path(folder) / "uv.lock").read_text()


def main() -> None:
    (ROOT / "uv.lock").write_text(without_hosts(resolve(sys.argv[1:])))


if __name__ == "__main__":
    main()
