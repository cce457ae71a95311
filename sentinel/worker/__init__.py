"""The Prefect worker type `sentinel`: flow runs start in processes that are warm already.

The parent polls, claims and supervises (`worker`, `supervisor`, `prefect_client`, `process_pool`).
It starts a fork server, a process with all imports done and a single thread, which forks the child
processes that run flows (`fork_server`, `child`, `engine`). See docs/explanation/worker.md.

Prefect finds the type by the entry point `sentinel.worker.worker`; importing this package alone
imports no Prefect.
"""
