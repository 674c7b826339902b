"""`s2d check` as an operator meets it."""

from io import StringIO
from pathlib import Path

import pytest

from s2d.__main__ import main
from s2d.cli.check import summary
from s2d.config import load

CONFIG = Path(__file__).parents[2] / "config"


def test_a_good_configuration_is_summed_up(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STATE_DIRECTORY", "/var/lib/s2d")
    assert main(["check", "-c", str(CONFIG / "example")]) == 0
    serial = "serial /dev/serial/by-id/usb-FTDI_FT232R-if00-port0"
    url = "ws://192.168.1.10:8080/s2/{resource_id}"
    gap = " " * 33
    out, err = capsys.readouterr()
    assert out.splitlines() == [
        "gateway Utility room, state in /var/lib/s2d",
        f"DEVICE          KIND     DRIVER  WHERE{gap + ' ' * 15}POINTS  CEM{' ' * 38}FALLBACK",
        f"Home battery    battery  Modbus  tcp 192.168.1.20 502{gap}4       {url}  power_setpoint 0 W after 60 s",
        f"Cellar meter    -        Modbus  {serial}  1       -{' ' * 40}-",
        f"Cellar battery  battery  Modbus  {serial}  3       {url}  power_setpoint 0 W after 60 s",
    ]
    assert err == ""


def test_every_problem_is_one_line_and_the_status_is_78(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "s2d.yaml").write_text('gatway: {}\ncem: {url: "ws://a\\n\\e31mb"}\n')
    assert main(["check", "-c", str(tmp_path)]) == 78
    out, err = capsys.readouterr()
    assert out == ""
    assert err.splitlines() == [
        's2d.yaml:1:1: unknown key "gatway". Did you mean "gateway"?',
        's2d.yaml:2:7: cem: url: expected a URL such as "ws://192.168.1.10:8080/s2", got "ws://a\\x0a\\x1b31mb"',
    ]


def test_a_gateway_without_devices_says_so(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "s2d.yaml").write_text("gateway: {name: Attic, state_dir: /s}\n")
    assert main(["check", "-c", str(tmp_path)]) == 0
    assert capsys.readouterr().out == "gateway Attic, state in /s\nno devices\n"


class Terminal(StringIO):
    def isatty(self) -> bool:
        return True


def test_colour_is_for_terminals_that_want_it(monkeypatch: pytest.MonkeyPatch) -> None:
    config = load(CONFIG / "demo")
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert "\x1b[2mDEVICE" in summary(config, Terminal())
    assert "\x1b" not in summary(config, StringIO())
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b" not in summary(config, Terminal())
