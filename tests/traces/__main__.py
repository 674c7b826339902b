"""Records traces anew: `python -m tests.traces [STORY ...]`, all stories by default. Look at what changes, and why."""

import asyncio
import random
import sys

from s2d.observe.recording import encode_run
from tests.conftest import VirtualTimeLoop

from . import FOLDER
from .stories import STORIES, recorded


def main(names: list[str]) -> None:
    for name in names or STORIES:
        random.seed(0)  # a device draws when to ask again
        with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
            run = runner.run(recorded(name))
        path = FOLDER / f"{name}.jsonl"
        path.write_bytes(encode_run(run))
        print(f"{path.name}: {len(run.taken)} events")


main(sys.argv[1:])
