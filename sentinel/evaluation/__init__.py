"""One evaluation of a rule: readings are judged and become inputs of the lifecycle. Pure."""
