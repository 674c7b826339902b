"""Prints every rule: `python -m s2d.s2.rules`."""

import sys

from . import CATALOGUE


def listing() -> str:
    """The catalogue, a line for each rule, in columns, sorted by id."""
    rows = [
        (rule.id, rule.severity, rule.sentence, f"{rule.source}{f' [{rule.judged_in}]' if rule.judged_in else ''}")
        for rule in sorted(CATALOGUE.values())
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    return "".join(
        f"{rule_id:{widths[0]}}  {severity:{widths[1]}}  {sentence:{widths[2]}}  {source}\n"
        for rule_id, severity, sentence, source in rows
    )


if __name__ == "__main__":
    sys.stdout.write(listing())
