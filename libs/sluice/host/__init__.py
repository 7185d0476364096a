"""What runs a service: intake, supervision, probes, signals. The top floor of the shared library."""
