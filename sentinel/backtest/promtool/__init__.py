"""Files of `promtool test rules` as backtests of our rules, on a simulated clock."""
