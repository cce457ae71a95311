"""Starting and stopping the whole product on one machine: `sentinel up`.

One noun per file: `home` (where things are kept), `ports`, `instance` (one at a time),
`processes` (started, supervised and stopped), `postgres` (the embedded database), `services` (the
command of each process), `rollout` (what is deployed to Prefect), `console` (the terminal output),
`start` (the order of it all). A container that runs one service needs nothing of this.
"""
