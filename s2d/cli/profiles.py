"""Lists the profiles: device types that s2d knows. With a name, explains one and what to write for it."""

import os
import re
import textwrap
from argparse import ArgumentParser, Namespace
from collections.abc import Iterable, Iterator, Mapping, Sequence

from msgspec.structs import fields

from ..commissioning.columns import aligned
from ..config.profile import FOLDER, Library, NoSuchProfile, Parameter, Profile
from ..config.profile.merge import merge
from ..config.wording import example_of
from ..config.yaml_source import YamlNode
from ..errors import ConfigError
from ..host.console import BOLD, DIM, ConsoleLine, StyledText, complain, show
from ..quantities import base_unit
from ..rm.kinds import KINDS, kind
from ..text import yaml_text
from . import add_config_argument, print_problems

_WIDTH = 100


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("name", nargs="?", help="the one to explain")
    parser.add_argument("--kind", help="list only those of a kind, such as battery, ev_charger, heat_pump, pv, meter")
    add_config_argument(parser, "gateway file, or its directory; profiles in its folder `profiles` come first")


def run(args: Namespace) -> int:
    """Exit status 0; 1 when there is no such profile, 78 when one cannot be used."""
    folder = args.config if os.path.isdir(args.config) else args.config.parent
    library = Library(folder / FOLDER)
    try:
        if args.name:
            show(*explained(library.profile(args.name)))
        else:
            show(*listed([library.profile(name) for name in library.names()], args.kind))
    except NoSuchProfile as exc:
        complain(f"s2d profiles: {exc}")
        return 1
    except ConfigError as exc:
        return print_problems(exc)
    return 0


def listed(profiles: Sequence[Profile], only: str | None) -> list[ConsoleLine]:
    """*profiles* by kind, one a line; *only* those of a kind."""
    rows = sorted(
        (of, profile.name, str(profile.about.confidence), profile.about.title)
        for profile in profiles
        for of in _kinds(profile)
        if only in (None, of)
    )
    if not rows:
        kinds = sorted({of for profile in profiles for of in _kinds(profile)})
        return [f"no profile of a {only}; there are: {', '.join(kinds)}" if only else "no profiles"]
    head, *lines = aligned([("KIND", "PROFILE", "CONFIDENCE", "DEVICE"), *rows])
    return [StyledText(head, DIM), *lines]


def explained(profile: Profile) -> Iterator[ConsoleLine]:
    """The explanation of *profile*, in lines."""
    about = profile.about
    yield StyledText(f"{profile.name}: {about.title}", BOLD)
    tested = ", ".join(about.tested_firmware) or "none; never tried on real hardware"
    yield from aligned(
        [
            ("kind", ", ".join(_kinds(profile))),
            ("driver", _text(profile.device, "driver")),
            ("confidence", str(about.confidence)),
            ("tested firmware", tested),
        ]
    )
    caveats = (*([f"Danger: {about.danger}"] if about.danger else []), *about.caveats)
    for title, sentences in (("Set on the device first", about.setup), ("What to know", caveats)):
        if sentences:
            yield from _section(title, _bullets(sentences))
    if about.parameters:
        rows = [_row(name, each) for name, each in about.parameters.items()]
        yield from _section("Parameters", _indented(aligned(rows)))
    for part, device in _parts(profile).items():
        of = f" of the part {part}" if part else ""
        if points := list(_points(device)):
            yield from _section(f"Points{of}", _indented(aligned(points)))
        if commands := list(_commands(device)):
            yield from _section(f"Commands{of}", _indented(aligned(commands)))
    if about.sources:
        yield from _section("Sources", _bullets(about.sources))
    yield from _section("In devices.d/, for example", _indented(example_yaml(profile)))


def _section(title: str, lines: Iterable[str]) -> Iterator[ConsoleLine]:
    yield ""
    yield StyledText(title, BOLD)
    yield from lines


def example_yaml(profile: Profile) -> list[str]:
    """An example device of *profile* in YAML: the keys its owner must write, and those she may, in comments."""
    about = profile.about
    device = next(iter(_parts(profile).values()))
    connection = _mapping(device, "connection")
    # What stands in brackets explains, and may have commas of its own.
    name = re.sub(r" *\([^)]*\)", "", about.title).partition(",")[0]
    lines = [f"name: {yaml_text(name)}", f"profile: {yaml_text(profile.name)}"]
    if len(profile.parts) > 1:
        lines.append(f"# part: {' or '.join(profile.parts)}; without it {next(iter(profile.parts))}")
    if "baudrate" in connection:
        lines.append("connection: {serial: /dev/serial/by-id/usb-FTDI_FT232R-if00-port0}")
    elif "host" not in connection:
        what = "    # the broker" if _text(device, "driver") == "mqtt" else ""
        lines.append(f"connection: {{host: 192.168.1.20}}{what}")
    for key, parameter in about.parameters.items():
        if parameter.is_required or parameter.soon_required:
            lines.append(f"{key}: {_example(parameter)}{' ' * 4}# {parameter.help}")
    lines += [f"{key}: {example}" for key, example in _required_settings(device, about.parameters)]
    for key, parameter in about.parameters.items():
        if parameter.default is not None and not parameter.soon_required:
            lines.append(f"# {key}: {_default(parameter)}    # {parameter.help}")
    return lines


def _kinds(profile: Profile) -> list[str]:
    """The kinds of the devices that *profile* describes."""
    if profile.about.of:
        return [profile.about.of]
    kinds = [_text(device, "of") or _text(device, "kind") or "source" for device in _parts(profile).values()]
    return list(dict.fromkeys(kinds))


def _parts(profile: Profile) -> dict[str, YamlNode]:
    if not profile.parts:
        return {"": profile.device}
    return {name: merge(profile.device, part) for name, part in profile.parts.items()}


def _row(name: str, parameter: Parameter) -> tuple[str, ...]:
    written = {"integer": "whole number", "choice": " or ".join(choice.written for choice in parameter.choices)}
    limits = [
        f"{word} {limit.written}"
        for word, limit in (("from", parameter.min), ("up to", parameter.max))
        if limit is not None
    ]
    kind_of_value = " ".join([written.get(parameter.type, parameter.type), *limits])
    default = "required" if parameter.is_required else f"default {_default(parameter)}"
    if parameter.soon_required:
        default += ", soon required"
    return name, kind_of_value, default, parameter.help


def _example(parameter: Parameter) -> str:
    return parameter.example if parameter.is_required else _default(parameter)


def _default(parameter: Parameter) -> str:
    if parameter.default is None:
        return ""
    return "***" if parameter.secret else parameter.default.written or '""'


def _points(device: YamlNode) -> Iterator[tuple[str, ...]]:
    named = _text(device, "kind")
    known = kind(named).points if named in KINDS else {}
    for section in ("points", "computed"):
        for name, point in _mapping(device, section).items():
            canonical = known.get(name)
            access = _text(point, "access") or ("computed" if section == "computed" else "read")
            unit = _text(point, "unit") or (base_unit(canonical.dimension) if canonical else "")
            facts = [access.replace("_", " and ")]
            if _text(point, "persistent") == "true":
                facts.append(f"at most {_text(point, 'daily_writes') or 50} times a day")
            yield name, ", ".join(facts), unit, canonical.meaning if canonical else ""


def _commands(device: YamlNode) -> Iterator[tuple[str, ...]]:
    named = _text(device, "kind")
    known = kind(named).points if named in KINDS else {}
    for name, command in _mapping(device, "commands").items():
        facts = [f"again every {refresh}" if (refresh := _text(command, "refresh")) else ""]
        facts.append("gives control back" if "release" in _mapping(command) else "")
        yield name, ", ".join(filter(None, facts)), known[name].meaning if name in known else ""


def _required_settings(device: YamlNode, parameters: Mapping[str, Parameter]) -> Iterator[tuple[str, str]]:
    """Settings of the kind that the profile leaves to the owner, and how they are written."""
    named = _text(device, "kind")
    if named not in KINDS:
        return
    for setting in fields(kind(named).settings):
        if setting.required and setting.encode_name not in (*parameters, *_mapping(device)):
            yield setting.encode_name, example_of(setting.type) or "…"


def _bullets(sentences: Sequence[str]) -> Iterator[str]:
    for sentence in sentences:
        yield from textwrap.wrap(sentence, _WIDTH, initial_indent="  - ", subsequent_indent="    ")


def _indented(lines: Sequence[str]) -> Iterator[str]:
    return (f"  {line}" for line in lines)


def _mapping(node: YamlNode, key: str | None = None) -> dict[str, YamlNode]:
    if key is not None:
        inner = _mapping(node).get(key)
        return _mapping(inner) if inner else {}
    return {name: entry.node for name, entry in node.content.items()} if isinstance(node.content, dict) else {}


def _text(node: YamlNode, key: str) -> str:
    """The scalar *node* has under *key*, as written."""
    inner = _mapping(node).get(key)
    return inner.written if inner else ""
