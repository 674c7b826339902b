"""What a message of a broker costs until its value is in the core, beside aiomqtt with nothing on top."""

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from shutil import which

from .run import PEERS, Run, Unmeasured, percentile, started
from .table import Row

TOPICS = 200
"""So that no device is read more often than every 100 ms, which is the most that one is."""
A_SECOND = 1000
LATE_MS = {50: 1.0, 99: 5.0}
CPU_PERCENT = 20.0

MOSQUITTO = which("mosquitto", path="/usr/local/sbin:/usr/sbin:/usr/local/bin:/usr/bin")


def rows(run: Run) -> list[Row]:
    """Delay and processor. Raises: Unmeasured: there is no mosquitto."""
    seconds = 5.0 if run.is_quick else 20.0
    with mosquitto() as port:
        found = {}
        for kind in ((), ("bare",)):
            run.tell(f"{A_SECOND} messages a second over {TOPICS} topics for {seconds:g} s, {' '.join(kind) or 's2d'}")
            found[kind] = measured(run, port, seconds, kind)
    ours, floor = found.values()
    return [
        *(
            Row(
                what=f"message of a broker → value in the core, {A_SECOND} a second, p{percent}",
                unit="ms",
                ours=percentile(ours[0], percent),
                floor=percentile(floor[0], percent),
                at_most=at_most,
            )
            for percent, at_most in LATE_MS.items()
        ),
        Row(what="processor for that", unit="%", ours=ours[1], floor=floor[1], at_most=CPU_PERCENT),
    ]


def measured(run: Run, port: int, seconds: float, kind: Sequence[str]) -> tuple[list[float], float]:
    """Milliseconds of each message, and percent of a processor."""
    reader = [run.s2d_python, PEERS / "mqtt_reader.py", port, TOPICS, seconds, *kind]
    publisher = [sys.executable, PEERS / "mqtt_publisher.py", port, TOPICS, A_SECOND]
    with started([*map(str, publisher)], "publisher"), started([*map(str, reader)], "reader") as process:
        assert process.stdout
        said = json.loads(process.stdout.readline())
    return said["late_ms"], said["cpu_percent"]


@contextmanager
def mosquitto() -> Iterator[int]:
    """The port of a broker. Raises: Unmeasured: there is none to be had."""
    from tests.ports import held_port

    if MOSQUITTO is None:
        raise Unmeasured("install mosquitto (apt-get install mosquitto)")
    with tempfile.TemporaryDirectory() as folder, held_port() as port:
        config = Path(folder) / "mosquitto.conf"
        config.write_text(f"user root\nlistener {port} 127.0.0.1\nallow_anonymous true\n")
        with started([MOSQUITTO, "-c", str(config)], "mosquitto", stderr=subprocess.STDOUT) as process:
            assert process.stdout
            while " running" not in process.stdout.readline():
                pass
            yield port
