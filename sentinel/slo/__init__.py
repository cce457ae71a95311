"""Service level objectives: indicators, windows, error budgets and burn rates. Pure decisions."""
