"""What callers of an API may use, and what they used: pure decisions."""
