"""The contenders that are written in Python, one module each, run by name: `python -m bench.contenders.session_get`.

Each asks for the same pages with its own client, in a process of its own, and is told round by round what to do: see
`rounds`. Those in Rust are in `programs`.
"""
