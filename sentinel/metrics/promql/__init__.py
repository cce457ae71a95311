"""PromQL over stored metrics: the language of Prometheus' rules, parsed by promql-parser. Pure.

`reading` parses and says what cannot be used, `evaluating` works an expression out at one moment,
`templates` fills in labels and annotations. docs/adr/0055 says why.
"""
