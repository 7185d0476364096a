"""What every Sluice service shares: the nouns, the contracts between services, the wire and the host."""
