"""What commands say: messages for people on standard error, results on standard output."""

import sys

import msgspec


def say(message: str) -> None:
    """Tell a person something, on standard error."""
    print(message, file=sys.stderr, flush=True)


def emit(result: object) -> None:
    """Print a result as one line of JSON on standard output."""
    sys.stdout.write(msgspec.json.encode(result).decode() + "\n")
    sys.stdout.flush()
