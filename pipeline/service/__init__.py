"""The service around compression: jobs over HTTP, on a durable engine, in worker processes.

    request -> order (validated) -> job (DBOS, SQLite or PostgreSQL) -> worker -> runner -> artifacts of the store

`app` answers HTTP and builds nothing; `worker` takes jobs from the database, at most MAX_COMPRESSION_JOBS at once; for each there is a
`runner`, a process that can be ended when the job is cancelled.  Every step is an artifact of the store, so a job that is taken up again
after a crash finds what was finished.

Small files: `settings` (the environment), `tokens` and `access` (who may what), `guard` (what is refused at the door), `problems` (errors),
`schemas` and `techniques` (what is said over HTTP), `orders` and `roots` (what may be asked for), `order` and `building` (what a job is
and how it is done), `engine`, `jobs` and `executors` (the database, and who still lives).
"""
