"""`python -m tools.benches`, which is what tools/bench.py runs."""

import sys

from tools.benches.command import main

sys.exit(main())
