"""Speed, as ratios against a named peer in the same run. See `python -m benchmarks --help`."""
