"""s2-python reading and writing messages, timed on request: a JSON line in, a JSON line out."""

import json
import sys
from contextlib import suppress

from s2python.s2_parser import S2Parser
from s2python.s2_validation_error import S2ValidationError

from tests.bench.stopwatch import seconds_of


def main() -> None:
    texts = json.loads(sys.stdin.readline())["texts"]
    messages = {}
    for name, text in texts.items():
        # There are types of which s2-python reads nothing that S2 allows.
        with suppress(S2ValidationError):
            messages[name] = S2Parser.parse_as_any_message(text)
    print(json.dumps(list(messages)), flush=True)
    for line in sys.stdin:
        question = json.loads(line)
        name, loops = question["name"], question["loops"]
        if question["what"] == "decode":
            seconds = seconds_of(S2Parser.parse_as_any_message, texts[name], loops)
        else:
            seconds = seconds_of(lambda message: message.to_json(), messages[name], loops)
        print(json.dumps(seconds), flush=True)


if __name__ == "__main__":
    main()
