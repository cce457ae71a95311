"""Rollout: deploy the changes of deployment files to Prefect.

`files` reads entries, `desired` translates them into the format of Prefect's API, `diff` compares
them with Prefect's state, `plan` decides on steps, and `apply` carries them out.
"""
