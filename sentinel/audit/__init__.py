"""The audit trail: what a change is, who made it, and the chain that proves it. Pure."""
