"""On-call of other systems as ours: what is read, what it becomes, and what will be otherwise."""
