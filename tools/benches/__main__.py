"""`python -m tools.benches`, which is what tools/bench.py runs."""

from tools.benches.command import main

main()
