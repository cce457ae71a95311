"""Rolling rules out: files of deployments, and what Prefect has of them, made the same.

`files` reads what should be, `wanted` says it in the words of Prefect's API, `differences`
compares it with what is there, `planning` decides, `carrying` does it.
"""
