"""Labels: fingerprints, matchers, and which texts a label may hold. Pure."""
