"""Messages per second of the APNs sender alone, beside the FCM sender and aioapns, in one run.

    python bench/apns.py [--messages 100000] [--rounds 5] [--json]

Promise: at least 10 × aioapns, and the same as the FCM sender within 15 %, per CPU second of the sending process (an
APNs message has a path and two headers of its own, where all FCM messages share one head).

Both senders render, hand over to the HTTP/2 engine and read verdicts, against the provider simulator's fast mode in a
process of its own, over TLS. aioapns talks to granian, which echoes the `apns-id` that it insists on. Each round
measures all of them one after the other; ratios are medians of the rounds' ratios.
"""

import argparse
import json
import sys
import tempfile
from pathlib import Path
from statistics import median
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from _processes import child
from _report import machine, show_json, show_table

PEER_MESSAGES = 3_000
PROMISED_AIOAPNS, PROMISED_FCM = 10.0, 0.85
Result = dict[str, Any]
Round = dict[str, Result]


def token_key() -> dict[str, str]:
    """An APNs credential with a fresh key; nobody checks it."""
    key = ec.generate_private_key(ec.SECP256R1()).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    fields = {"topic": "com.example", "environment": "production", "team_id": "A" * 10, "auth_key_id": "B" * 10}
    return fields | {"auth_key": key.decode()}


def measure(script: str, task: dict[str, Any], folder: Path) -> Result:
    """One client in a process of its own."""
    with child((script,), folder / f"{script}.log") as process:
        result: Result = process.ask(json.dumps(task), seconds=300)
        return result


def one_round(standin: dict[str, Any], echo: dict[str, Any], folder: Path, messages: int) -> Round:
    """Everybody once."""
    address = {"url": standin["url"], "ca_file": standin["ca_file"], "count": messages}
    echo_address = {"url": f"https://127.0.0.1:{echo['port']}", "ca_file": echo["ca_file"], "count": PEER_MESSAGES}
    return {
        "apns": measure("_peer_sender.py", address | {"provider": "apns", "values": token_key()}, folder),
        "fcm": measure("_peer_sender.py", address | {"provider": "fcm", "values": standin["account"]}, folder),
        "aioapns": measure("_peer_aioapns.py", echo_address, folder),
    }


def ratio(rounds: list[Round], other: str) -> float:
    """Messages a CPU second of the APNs sender ÷ those of another client, the median of the rounds."""
    return median(each[other]["cpu_us"] / each["apns"]["cpu_us"] for each in rounds)


def report(rounds: list[Round], *, as_json: bool) -> bool:
    """Print everything; True when the promises are kept."""
    rows = [
        [
            f"{rounds[0][name]['name']} ({rounds[0][name]['setting']})",
            median(each[name]["per_second"] for each in rounds),
            median(each[name]["cpu_us"] for each in rounds),
        ]
        for name in rounds[0]
    ]
    of_aioapns, of_fcm = ratio(rounds, "aioapns"), ratio(rounds, "fcm")
    if not as_json:
        show_table(("client", "messages/s", "CPU µs each"), rows)
        print(f"APNs sender ÷ aioapns: {of_aioapns:.1f} (promise {PROMISED_AIOAPNS:g})")
        print(f"APNs sender ÷ FCM sender: {of_fcm:.2f} (promise {PROMISED_FCM:g})")
    show_json("apns", {"of_aioapns": of_aioapns, "of_fcm": of_fcm, "rounds": rounds, "machine": machine()})
    return of_aioapns >= PROMISED_AIOAPNS and of_fcm >= PROMISED_FCM


def main() -> int:
    """Measure and report; 1 when a promise is broken."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--messages", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with (
            child(("_standin.py",), folder / "standin.log") as standin,
            child(("_apns_echo.py", name), folder / "echo.log") as echo,
        ):
            places = standin.line(), echo.line()
            rounds = [one_round(*places, folder, options.messages) for _ in range(options.rounds)]
    return 0 if report(rounds, as_json=options.json) else 1


if __name__ == "__main__":
    sys.exit(main())
