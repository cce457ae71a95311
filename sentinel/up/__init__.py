"""Starting and stopping the whole product on one machine: `sentinel up`.

One noun per file: `home` (where things are kept), `ports`, `instance` (one at a time),
`family` (the processes), `postgres` (the embedded database), `parts` (what each process is),
`rollout` (what Prefect is told), `screen` (what the person sees), `start` (the order of it all).
Nothing here is needed where each part is run by somebody else, such as in containers.
"""
