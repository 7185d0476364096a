"""What the API changes, by noun: what one must be (rules, pure) and what can be done to it (steps on the registry's edit)."""
