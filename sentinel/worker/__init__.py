"""The Prefect worker type `sentinel`: flows run in processes that are warm already.

The parent polls, claims and supervises (`worker`, `pool_api`, `claims`, `crew`). It starts one
nursery, a process with everything imported and a single thread, which forks the children that
run flows (`nursery`, `child`, `engine`). See docs/explanation/worker.md.

Prefect finds the type by the entry point `sentinel.worker.worker`; importing this package alone
imports no Prefect.
"""
