"""What the benchmarks are measured beside, where that is more than a few lines."""
