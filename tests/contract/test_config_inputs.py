"""What is read: regular files that are not too large, written as they look, which not everybody may write to."""

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from s2d.__main__ import main
from s2d.config import load
from s2d.errors import ConfigError

CEM = 'cem: {url: "wss://cem"%s}\n'
DEVICE = """\
name: Meter
driver: modbus
connection: {host: 192.168.1.20}
points:
  power: {register: 1, unit: W}
"""
UTF_16 = "s2d.yaml:1:1: is UTF-16 text, not UTF-8. Save it as UTF-8 in the editor"
UNFIT = {
    "pipe": "it is a named pipe, not a regular file",
    "folder": "it is a folder, not a regular file",
    "socket": "it is a socket, not a regular file",
    "zero": "it is a device, not a regular file",
    "large": "it is larger than 1 MiB",
}


@contextmanager
def put(kind: str, path: Path) -> Iterator[None]:
    """Something else than a file that can be read, at *path*."""
    with socket.socket(socket.AF_UNIX) as listener:
        match kind:
            case "pipe":
                os.mkfifo(path, 0o600)
            case "folder":
                path.mkdir()
            case "socket":
                listener.bind(str(path))
            case "zero":
                path.symlink_to("/dev/zero")
            case "large":
                path.write_text("# a comment\n" * 100_000)
                path.chmod(0o600)
        yield


@pytest.mark.parametrize("kind", UNFIT)
@pytest.mark.parametrize("place", ["s2d.yaml", "devices.d/a.yaml", "profiles/own.yaml", "token", "ca"])
def test_what_is_no_file_is_told_at_once(
    place: str, kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)  # where the path of a socket is short enough
    for folder in ("devices.d", "profiles"):
        (tmp_path / folder).mkdir()
    if place == "s2d.yaml" and kind == "folder":
        pytest.skip("a folder is where s2d.yaml is looked for")
    named = {"token": ", token_file: token", "ca": ", ca_file: ca"}.get(place, "")
    profile = "profile: own\n" if place == "profiles/own.yaml" else ""
    if place != "s2d.yaml":
        (tmp_path / "s2d.yaml").write_text(CEM % named)
    if place != "devices.d/a.yaml":
        (tmp_path / "devices.d/a.yaml").write_text(profile + DEVICE)
    with put(kind, Path(place)):
        assert main(["check", "-c", "s2d.yaml"]) == 78
    told = capsys.readouterr().err.splitlines()
    assert len(told) == 1
    assert told[0].endswith(f"cannot be read: {UNFIT[kind]}")


@pytest.mark.parametrize("kind", UNFIT)
def test_so_it_is_with_a_script(
    kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with put(kind, Path("script")):
        assert main(["cem", "--port", "0", "--script", "script"]) == 78
    assert capsys.readouterr().err == f"script: cannot be read: {UNFIT[kind]}\n"


@pytest.mark.parametrize("kind", ["pipe", "folder", "socket", "zero"])
def test_so_it_is_with_a_recording(
    kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with put(kind, Path("recording")):
        assert main(["simulate", "--port", "0", "--replay", "recording"]) == 1
    assert capsys.readouterr().err == f"s2d simulate: recording is no recording: {UNFIT[kind]}\n"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (
            "devices:\n  \u2013 name: a\n",
            's2d.yaml:2:3: devices: the key "\u2013 name" has an en dash (U+2013). Type a plain -',
        ),
        (
            "gateway:\n  name: a\n\u00a0 id: b\n",
            's2d.yaml:3:1: the key "\\u00a0 id" has a no-break space (U+00A0). Type a plain space',
        ),
        (
            "gateway:\u00a0{name: a}\ncem: {}\n",
            's2d.yaml:1:1: the key "gateway:\\u00a0{name" has a no-break space (U+00A0). Type a plain space',
        ),
        (
            "gateway: {name: \u201ca, b\u201d: c}}\n",
            's2d.yaml:1:17: not YAML: here is a left double quotation mark (U+201C). Type a plain "',
        ),
        (
            "gateway\uff1a {name: a}\ncem: {}\n",
            's2d.yaml:1:1: the key "gateway\uff1a {name" has a fullwidth colon (U+FF1A). Type a plain :',
        ),
        (
            "gateway: {na\u200bme: a}\n",
            's2d.yaml:1:11: gateway: the key "na\\u200bme" has a zero width space (U+200B). Leave it out',
        ),
        (
            'cem: {url: ws://cem\u00a0}\n',
            's2d.yaml:1:12: cem: url: "ws://cem\\u00a0" ends with a no-break space (U+00A0). Type a plain space',
        ),
        (
            'cem: {url: "ws://cem", max_instruction_age: \u22125 s}\n',
            's2d.yaml:1:45: cem: max_instruction_age: expected a duration such as "30 s", got "\u22125 s". '
            "It has a minus sign (U+2212): type a plain -",
        ),
        (
            b"gateway: {name: B\xfcro}\n",
            "s2d.yaml:1:18: is not UTF-8 text. Save it as UTF-8 in the editor",
        ),
        ("gateway: {name: a}\n".encode("utf-16"), UTF_16),
        ("gateway: {name: a}\n".encode("utf-16-be"), UTF_16),
    ],
)  # fmt: skip
def test_what_only_looks_like_yaml_is_named(tmp_path: Path, text: str | bytes, problem: str) -> None:
    (tmp_path / "s2d.yaml").write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(ConfigError) as error:
        load(tmp_path / "s2d.yaml")
    assert list(map(str, error.value.problems)) == [problem]


def test_in_text_such_characters_are_as_good_as_others(tmp_path: Path) -> None:
    (tmp_path / "s2d.yaml").write_text(
        "gateway: {name: \u201cB\u00fcro\u201d \u2013 S\u00fcd}  # \u2013 mine\u00a0\n"
        'cem: {url: "ws://cem", max_instruction_age: 5\u00a0min}\n'
    )
    config = load(tmp_path)
    assert config.gateway.name == "\u201cB\u00fcro\u201d \u2013 S\u00fcd"
    assert (config.cem and config.cem.max_instruction_age_s, config.warnings) == (300, ())


@pytest.mark.parametrize(
    ("written", "warnings"),
    [
        ("register: 0103", ['0103 is 103 here, and 67 to who reads it as octal. Write 103; or "0103", if it is text']),
        ("register: 0189", ['0189 is 189 here. Write 189; or "0189", if it is text']),
        (
            "register: 1, values: {010: on}",
            ['010 is 10 here, and 8 to who reads it as octal. Write 10; or "010", if it is text'],
        ),
        ("register: 0", []),
        ("register: 0o103", []),
        ("register: 0x67", []),
    ],
)  # fmt: skip
@pytest.mark.parametrize("place", ["s2d.yaml", "devices.d/a.yaml", "profiles/own.yaml"])
def test_a_number_that_others_read_as_octal_is_warned_of(
    tmp_path: Path, place: str, written: str, warnings: list[str]
) -> None:
    for folder in ("devices.d", "profiles"):
        (tmp_path / folder).mkdir()
    device = DEVICE.replace("register: 1, unit: W", written)
    own = "title: Own\n" + device.partition("\n")[2].replace("connection: {host: 192.168.1.20}\n", "")
    use = "name: Meter\nprofile: own\nconnection: {host: 192.168.1.20}\n"
    inline = "devices:\n- " + device.rstrip().replace("\n", "\n  ")
    texts = {"s2d.yaml": "gateway: {name: a}\n", "devices.d/a.yaml": device, "profiles/own.yaml": own}
    if place == "s2d.yaml":
        texts = {place: f"{inline}\n"}
    elif place == "profiles/own.yaml":
        texts["devices.d/a.yaml"] = use
    else:
        del texts["profiles/own.yaml"]
    for name, text in texts.items():
        (tmp_path / name).write_text(text)
    told = load(tmp_path).warnings
    assert [(each.path, f"{each.what}. {each.hint}") for each in told] == [(place, warning) for warning in warnings]


@pytest.mark.parametrize(
    ("name", "mode"),
    [
        ("s2d.yaml", 0o666),
        (".", 0o777),
        ("devices.d", 0o777),
        ("devices.d", 0o1777),
        ("devices.d/a.yaml", 0o646),
        ("profiles", 0o777),
        ("profiles/own.yaml", 0o666),
        ("own_driver.py", 0o666),
    ],
)
def test_what_anybody_may_write_to_is_warned_of(
    tmp_path: Path, name: str, mode: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(__import__("sys").modules, "own_driver", raising=False)
    for folder in ("devices.d", "profiles"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder).chmod(0o755)
    texts = {
        "s2d.yaml": "gateway: {name: a}\n",
        "own_driver.py": "from s2d_drivers.modbus import Modbus\nclass Own(Modbus): ...\n",
        "devices.d/a.yaml": DEVICE.replace("driver: modbus", 'driver: "own_driver:Own"'),
        "profiles/own.yaml": "title: Own\n",
    }
    for each, text in texts.items():
        (tmp_path / each).write_text(text)
        (tmp_path / each).chmod(0o644)
    assert load(tmp_path).warnings == ()
    (tmp_path / name).chmod(mode)
    (warning,) = load(tmp_path).warnings
    assert warning.what == f"may be written to by anybody (mode {mode:03o})"
    assert warning.hint.endswith(f"Run: chmod o-w {tmp_path / name}")


def test_a_folder_where_others_add_files_but_change_none_is_none_to_warn_of(tmp_path: Path) -> None:
    (tmp_path / "s2d.yaml").write_text("gateway: {name: a}\n")
    tmp_path.chmod(0o1777)
    assert load(tmp_path).warnings == ()
