"""What a warm request costs, beside whatever else one could use: `make bench`; docs/benchmarks.md says how to read it.

::

    command ─▶ pages: one nginx, and what its log says
       ├─▶ requests_table ─orders─▶ contender: a process of `contenders` or `programs`, one for each row
       ├─▶ crawls_table   ─starts─▶ contenders/crawl
       ├─▶ memory_table   ─orders─▶ contenders/endless
       ├─▶ stores_table   ─orders─▶ programs/store, contenders/store_lmdb, contenders/store_sqlite
       ▼
    summary: each aim, and what this run says to it
"""
