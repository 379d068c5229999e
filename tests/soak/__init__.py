"""Hours of polling over one store, with changes, trouble and kills: `make soak`.

::

    command ─starts─▶ site (a scripted origin: pages that change by the clock)
       │                 ▲
       ├─starts─▶ poller ┤   one that lives, and is measured
       └─starts─▶ poller ┘   one that is killed every few minutes, over the same store
       ▼
    samples ─▶ verdict ─▶ a table

What a page holds follows from its number and the time, so whoever polls can tell by itself whether what came is right.
"""
