"""The list of all rules, printed: `python -m s2d.s2.rules`."""

import sys

from . import REGISTRY


def listing() -> str:
    """The registry of rules, a line for each, in columns, sorted by id."""
    rows = [
        (rule.id, rule.severity, rule.sentence, f"{rule.source}{f' [{rule.judged_in}]' if rule.judged_in else ''}")
        for rule in sorted(REGISTRY.values())
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    return "".join(
        f"{rule_id:{widths[0]}}  {severity:{widths[1]}}  {sentence:{widths[2]}}  {source}\n"
        for rule_id, severity, sentence, source in rows
    )


if __name__ == "__main__":
    sys.stdout.write(listing())
