"""Time: active hours, rate limits, and schedules. Pure."""
