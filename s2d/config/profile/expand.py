"""The expansion of a device: its profile and its own keys, merged as if its owner had written every key herself."""

import os
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from ...device.expression import Expression
from ...errors import ConfigError, Problem
from ...values import Value
from ..decoder import Decoder, Findings, did_you_mean, mapping_of
from ..yaml_source import KeyPath, YamlEntry, YamlNode
from .library import Library, NoSuchProfile, Profile
from .merge import merge
from .parameters import Argument, arguments_of, fill_placeholders

VARIABLE = frozenset({"points", "computed", "commands", "start", "nameplate", "available", "uptime", "ready"})
"""Keys of a device that a variant may change."""
IDENTITY = ("manufacturer", "model", "serial_number", "firmware_version")


@dataclass(frozen=True, slots=True)
class ExpandedVariant:
    """A variant of a device, expanded."""

    when: YamlNode
    where: KeyPath
    node: YamlNode
    """All keys of the device in this variant."""


@dataclass(frozen=True, slots=True)
class ExpandedDevice:
    """A device, expanded. Every value keeps its position, in the owner's file or in the profile."""

    node: YamlNode
    variants: tuple[ExpandedVariant, ...] = ()
    """Variants among which only the device itself can decide."""
    parameters: Mapping[str, Value] = field(default_factory=dict)
    """In base units."""
    points: frozenset[str] = frozenset()
    """Names of points which the profile has, whether the kind of the device knows them or not."""
    profile: Profile | None = None
    part: str | None = None
    """Of the profile; None if it has none."""
    warnings: tuple[Problem, ...] = ()

    @property
    def parameter_names(self) -> frozenset[str]:
        """The parameters of the profile, which its owner may write as keys."""
        return frozenset(self.profile.about.parameters if self.profile else ())


def expand_device(
    device: YamlNode, where: KeyPath, library: Library, decoder: Decoder, findings: Findings
) -> ExpandedDevice:
    """*device* with all keys written out; what is wrong with its parameters and placeholders is a finding.

    Raises: ConfigError: no mapping, no such profile or part, or the profile itself is wrong.
    """
    written = mapping_of(device, where)
    if "profile" not in written:
        if "part" in written:
            findings.problems.append(written["part"].position.problem(where, '"part" says which part of a profile'))
        node, variants = _variants(device, None, {}, where, findings)
        return ExpandedDevice(node, variants)
    profile = _profile(written["profile"].node, where, library)
    part = _part(profile, written.get("part"), where)
    arguments = arguments_of(profile.about.parameters, device, decoder, where, findings)
    filled = fill_placeholders(merge(profile.device, _keys_of(profile, part)), arguments, where, findings)
    own = {key: entry for key, entry in written.items() if key not in ("profile", "part", *profile.about.parameters)}
    node, variants = _variants(_with_nameplate(filled), YamlNode(own, device.position), arguments, where, findings)
    return ExpandedDevice(
        node,
        variants,
        {name: argument.value for name, argument in arguments.items()},
        _points(filled),
        profile,
        part,
        (
            *_secret_warnings(profile, written, decoder, where),
            *_stopgap_warnings(profile, device, where),
            *_confidence_warnings(profile),
        ),
    )


def _profile(requested: YamlNode, where: KeyPath, library: Library) -> Profile:
    if not isinstance(requested.content, str):
        raise ConfigError(
            [requested.position.problem((*where, "profile"), f"expected the name of a profile, got {requested}")]
        )
    try:
        return library.profile(requested.content)
    except NoSuchProfile as exc:
        hint = did_you_mean(exc.name, exc.known) or "`s2d profiles` lists them"
        raise ConfigError([requested.position.problem((*where, "profile"), f"no profile {requested}", hint)]) from exc


def _part(profile: Profile, requested: YamlEntry | None, where: KeyPath) -> str | None:
    if requested is None:
        return next(iter(profile.parts), None)
    name = requested.node.content
    if isinstance(name, str) and name in profile.parts:
        return name
    known = f"it has {', '.join(profile.parts)}" if profile.parts else "it has none"
    what = f"{profile.name} has no part {requested.node}; {known}"
    raise ConfigError([requested.node.position.problem((*where, "part"), what)])


def _keys_of(profile: Profile, part: str | None) -> YamlNode:
    """The keys of a device in *part* of *profile*, to be merged over those of all parts."""
    if part is None:
        return YamlNode({}, profile.device.position)
    node = profile.parts[part]
    return YamlNode({key: entry for key, entry in mapping_of(node, ()).items() if key != "of"}, node.position)


def _variants(
    under: YamlNode, own: YamlNode | None, arguments: Mapping[str, Argument], where: KeyPath, findings: Findings
) -> tuple[YamlNode, tuple[ExpandedVariant, ...]]:
    """The device and its variants; *own* are the keys of its owner, which win.

    Where parameters alone decide, the decision is taken here.
    """
    whole = dict(mapping_of(merge(under, own) if own else under, where))
    entry = whole.pop("variants", None)
    base = {key: entry for key, entry in mapping_of(under, where).items() if key != "variants"}
    values = {name: argument.value for name, argument in arguments.items()}
    variants: list[ExpandedVariant] = []
    if entry and not isinstance(entry.node.content, list):
        findings.problems.append(
            entry.node.position.problem((*where, "variants"), f"expected a list, got {entry.node}")
        )
    listed = entry.node.content if entry and isinstance(entry.node.content, list) else []
    for number, each in enumerate(listed, 1):
        inside = (*where, "variants", str(number))
        changes = findings.attempt(_changes, each, inside)
        if changes is None:
            continue
        when, over = changes
        made = merge(YamlNode(base, under.position), over)
        node = merge(made, YamlNode({**_owner_entries(own, where)}, own.position)) if own else made
        formula = _formula(when)
        if formula and formula.names <= values.keys() and not variants:
            if formula.evaluate(values):
                return node, ()
        elif not (formula and formula.names <= values.keys() and not formula.evaluate(values)):
            variants.append(ExpandedVariant(when, inside, node))
    return YamlNode(whole, own.position if own else under.position), tuple(variants)


def _owner_entries(own: YamlNode | None, where: KeyPath) -> dict[str, YamlEntry]:
    return {key: entry for key, entry in mapping_of(own, where).items() if key != "variants"} if own else {}


def _changes(node: YamlNode, where: KeyPath) -> tuple[YamlNode, YamlNode]:
    """The condition of a variant, and the keys it changes.

    Raises: ConfigError: it does not say when, or changes what cannot be changed while the device is at work.
    """
    findings = Findings()
    entries = dict(mapping_of(node, where))
    when = entries.pop("when", None)
    if when is None:
        findings.problems.append(node.position.problem(where, 'missing key "when"', "It says which devices are so"))
    for key, entry in entries.items():
        if key not in VARIABLE:
            what = f'unknown key "{key}"'
            findings.problems.append(
                entry.position.problem(where, what, did_you_mean(key, ("when", *sorted(VARIABLE))))
            )
    findings.raise_problems()
    assert when
    return when.node, YamlNode(entries, node.position)


def _formula(node: YamlNode) -> Expression | None:
    """The expression in *node*; None if it is none, which is reported where the device is decoded."""
    try:
        return Expression.parse(node.content)
    except ValueError:
        return None


def _with_nameplate(device: YamlNode) -> YamlNode:
    """*device* with the maker and model of its profile moved under `nameplate`: the device itself knows better."""
    entries = dict(mapping_of(device, ()))
    nameplate = {key: entries.pop(key) for key in IDENTITY if key in entries}
    if not nameplate:
        return device
    under = YamlNode({"nameplate": YamlEntry(device.position, YamlNode(nameplate, device.position))}, device.position)
    return merge(under, YamlNode(entries, device.position))


def _points(device: YamlNode) -> frozenset[str]:
    """Names of the points *device* has in any variant."""
    variants = _content(device, "variants")
    makes = [device, *(variants if isinstance(variants, list) else [])]
    return frozenset(name for make in makes if isinstance(points := _content(make, "points"), dict) for name in points)


def _content(node: YamlNode, key: str) -> object:
    entry = node.content.get(key) if isinstance(node.content, dict) else None
    return entry.node.content if entry else None


def _stopgap_warnings(profile: Profile, device: YamlNode, where: KeyPath) -> Iterator[Problem]:
    """Parameters that the owner of *device* has yet to say."""
    written = mapping_of(device, where)
    for name, parameter in profile.about.parameters.items():
        if parameter.soon_required and parameter.default and name not in written:
            what = f'"{name}" is taken to be {parameter.default.written}; the next release asks for it'
            hint = f'{parameter.help}: write "{name}: {parameter.default.written}", or what is right'
            yield device.position.problem(where, what, hint)


def _confidence_warnings(profile: Profile) -> Iterator[Problem]:
    """That *profile* is as sure of what it writes as of what it reads, in a word."""
    about = profile.about
    if isinstance(about.stated_confidence, str):
        what = f'"{about.stated_confidence}" is understood as {about.confidence}; one word for both is deprecated'
        hint = f"Write {{read: {about.confidence.read}, write: {about.confidence.write}}}"
        yield profile.device.position.problem(("confidence",), what, hint)


def _secret_warnings(
    profile: Profile, written: Mapping[str, YamlEntry], decoder: Decoder, where: KeyPath
) -> list[Problem]:
    warnings = []
    for name, parameter in profile.about.parameters.items():
        if parameter.secret and name in written:
            position = written[name].node.position
            file = decoder.folder / position.path
            if os.path.isfile(file) and stat.S_IMODE(file.stat().st_mode) & 0o077:
                what = "is a secret in a file that is open to others than its owner"
                warnings.append(position.problem((*where, name), what, f"Run: chmod 600 {file}"))
    return warnings
