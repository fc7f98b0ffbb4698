"""The command `clarion`: one file per command; each parses, calls and prints (docs/reference/cli.md).

Messages for people go to standard error, results to standard output. Exit status: 0 done, 1 failed, 2 wrong usage.
"""
