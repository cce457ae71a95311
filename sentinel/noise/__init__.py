"""How noisy rules are, by their stored alerts, and what would make them less so. Pure."""
