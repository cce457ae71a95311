"""On-call: who is called, by schedules of rotations, overrides and swaps. Pure decisions only."""
