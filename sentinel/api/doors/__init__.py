"""Doors in the formats of other systems, for senders that change one address. They only translate.

What they accept goes the one way: alerts are posted, actions are those of `sentinel.alerts`.
"""
