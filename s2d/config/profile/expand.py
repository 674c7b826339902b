"""A device with a profile, spelt out as if its owner had written every key herself."""

import stat
from collections.abc import Mapping
from dataclasses import dataclass, field

from ...device.expression import Expression
from ...errors import ConfigError, Problem
from ...values import Value
from ..decoder import Decoder, Findings, did_you_mean, mapping_of
from ..yaml_source import Entry, Node, Where
from .library import Library, NoSuchProfile, Profile
from .merge import overlay
from .parameters import Argument, arguments_of, filled

VARIABLE = frozenset({"points", "computed", "commands", "start", "nameplate", "available", "uptime"})
"""Keys of a device that a variant may change."""
IDENTITY = ("manufacturer", "model", "serial_number", "firmware_version")


@dataclass(frozen=True, slots=True)
class SpeltVariant:
    """Another make of a device, spelt out."""

    when: Node
    where: Where
    node: Node
    """All keys of the device, as they are then."""


@dataclass(frozen=True, slots=True)
class Spelt:
    """A device, spelt out. Every value keeps the place where it stands, in the owner's file or in the profile."""

    node: Node
    variants: tuple[SpeltVariant, ...] = ()
    """Those that only the device itself can decide."""
    parameters: Mapping[str, Value] = field(default_factory=dict)
    """In base units."""
    points: frozenset[str] = frozenset()
    """Names of points which the profile knows, whatever the kind of the device does."""
    profile: Profile | None = None
    part: str | None = None
    """Of the profile; None if it has none."""
    warnings: tuple[Problem, ...] = ()

    @property
    def asked(self) -> frozenset[str]:
        """What else its owner may write: the parameters of the profile."""
        return frozenset(self.profile.about.parameters if self.profile else ())


def spelt_out(device: Node, where: Where, library: Library, decoder: Decoder, findings: Findings) -> Spelt:
    """What *device* is, written out; what is wrong with its parameters and holes is a finding.

    Raises: ConfigError: no mapping, no such profile or part, or the profile itself is wrong.
    """
    written = mapping_of(device, where)
    if "profile" not in written:
        if "part" in written:
            findings.problems.append(written["part"].spot.problem(where, '"part" says which part of a profile'))
        node, variants = _variants(device, None, {}, where, findings)
        return Spelt(node, variants)
    profile = _profile(written["profile"].node, where, library)
    part = _part(profile, written.get("part"), where)
    arguments = arguments_of(profile.about.parameters, device, decoder, where, findings)
    bare = filled(overlay(profile.device, _keys_of(profile, part)), arguments, where, findings)
    own = {key: entry for key, entry in written.items() if key not in ("profile", "part", *profile.about.parameters)}
    node, variants = _variants(_with_plate(bare), Node(own, device.spot), arguments, where, findings)
    return Spelt(
        node,
        variants,
        {name: argument.value for name, argument in arguments.items()},
        _points(bare),
        profile,
        part,
        tuple(_secret_warnings(profile, written, decoder, where)),
    )


def _profile(wish: Node, where: Where, library: Library) -> Profile:
    if not isinstance(wish.content, str):
        raise ConfigError([wish.spot.problem((*where, "profile"), f"expected the name of a profile, got {wish}")])
    try:
        return library.profile(wish.content)
    except NoSuchProfile as exc:
        hint = did_you_mean(exc.name, exc.known) or "`s2d profiles` lists them"
        raise ConfigError([wish.spot.problem((*where, "profile"), f"no profile {wish}", hint)]) from exc


def _part(profile: Profile, wish: Entry | None, where: Where) -> str | None:
    if wish is None:
        return next(iter(profile.parts), None)
    name = wish.node.content
    if isinstance(name, str) and name in profile.parts:
        return name
    known = f"it has {', '.join(profile.parts)}" if profile.parts else "it has none"
    what = f"{profile.name} has no part {wish.node}; {known}"
    raise ConfigError([wish.node.spot.problem((*where, "part"), what)])


def _keys_of(profile: Profile, part: str | None) -> Node:
    """The keys of a device that *part* of *profile* lays over those of all parts."""
    if part is None:
        return Node({}, profile.device.spot)
    node = profile.parts[part]
    return Node({key: entry for key, entry in mapping_of(node, ()).items() if key != "of"}, node.spot)


def _variants(
    under: Node, own: Node | None, arguments: Mapping[str, Argument], where: Where, findings: Findings
) -> tuple[Node, tuple[SpeltVariant, ...]]:
    """The device, and what else it may turn out to be; *own* is what its owner wrote, which stays on top.

    Where parameters alone decide, the decision is taken here.
    """
    whole = dict(mapping_of(overlay(under, own) if own else under, where))
    entry = whole.pop("variants", None)
    base = {key: entry for key, entry in mapping_of(under, where).items() if key != "variants"}
    values = {name: argument.value for name, argument in arguments.items()}
    variants: list[SpeltVariant] = []
    if entry and not isinstance(entry.node.content, list):
        findings.problems.append(entry.node.spot.problem((*where, "variants"), f"expected a list, got {entry.node}"))
    listed = entry.node.content if entry and isinstance(entry.node.content, list) else []
    for number, each in enumerate(listed, 1):
        inside = (*where, "variants", str(number))
        changes = findings.attempt(_changes, each, inside)
        if changes is None:
            continue
        when, over = changes
        made = overlay(Node(base, under.spot), over)
        node = overlay(made, Node({**_owners(own, where)}, own.spot)) if own else made
        formula = _formula(when)
        if formula and formula.names <= values.keys() and not variants:
            if formula.evaluate(values):
                return node, ()
        elif not (formula and formula.names <= values.keys() and not formula.evaluate(values)):
            variants.append(SpeltVariant(when, inside, node))
    return Node(whole, own.spot if own else under.spot), tuple(variants)


def _owners(own: Node | None, where: Where) -> dict[str, Entry]:
    return {key: entry for key, entry in mapping_of(own, where).items() if key != "variants"} if own else {}


def _changes(node: Node, where: Where) -> tuple[Node, Node]:
    """When a variant holds, and what it changes.

    Raises: ConfigError: it does not say when, or changes what cannot be changed while the device is at work.
    """
    findings = Findings()
    entries = dict(mapping_of(node, where))
    when = entries.pop("when", None)
    if when is None:
        findings.problems.append(node.spot.problem(where, 'missing key "when"', "It says which devices are so"))
    for key, entry in entries.items():
        if key not in VARIABLE:
            what = f'unknown key "{key}"'
            findings.problems.append(entry.spot.problem(where, what, did_you_mean(key, ("when", *sorted(VARIABLE)))))
    findings.settle()
    assert when
    return when.node, Node(entries, node.spot)


def _formula(node: Node) -> Expression | None:
    """The expression *node* is; None if it is none, which is said where the device is decoded."""
    try:
        return Expression.parse(node.content)
    except ValueError:
        return None


def _with_plate(device: Node) -> Node:
    """*device* with what the profile says of maker and model under `nameplate`: the device itself knows better."""
    entries = dict(mapping_of(device, ()))
    plate = {key: entries.pop(key) for key in IDENTITY if key in entries}
    if not plate:
        return device
    under = Node({"nameplate": Entry(device.spot, Node(plate, device.spot))}, device.spot)
    return overlay(under, Node(entries, device.spot))


def _points(device: Node) -> frozenset[str]:
    """Names of the points *device* has in any variant."""
    variants = _content(device, "variants")
    makes = [device, *(variants if isinstance(variants, list) else [])]
    return frozenset(name for make in makes if isinstance(points := _content(make, "points"), dict) for name in points)


def _content(node: Node, key: str) -> object:
    entry = node.content.get(key) if isinstance(node.content, dict) else None
    return entry.node.content if entry else None


def _secret_warnings(profile: Profile, written: Mapping[str, Entry], decoder: Decoder, where: Where) -> list[Problem]:
    warnings = []
    for name, parameter in profile.about.parameters.items():
        if parameter.secret and name in written:
            spot = written[name].node.spot
            file = decoder.folder / spot.path
            if file.is_file() and stat.S_IMODE(file.stat().st_mode) & 0o077:
                what = "is a secret in a file that is open to others than its owner"
                warnings.append(spot.problem((*where, name), what, f"Run: chmod 600 {file}"))
    return warnings
