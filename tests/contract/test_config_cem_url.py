"""Secrets in the URL of a CEM, or on the way to it: shown to nobody, and warned of."""

import subprocess
import sys
from pathlib import Path

import pytest

from s2d.config import load
from s2d.config.cem_url import can_be_looked_up, shown_url
from s2d.errors import ConfigError
from tests.contract.test_config_files import folder, warnings

SECRETS = "ws://me:s3cret@127.0.0.1:1/s2?token=t0ken&rm={resource_id}"
READ = "whoever reads this file reads who we are to the CEM, as {shown} is shown elsewhere"
OVERHEARD = (
    "whoever is on the way to the CEM can read the token, and act as this gateway. Use wss://, or a CEM on this machine"
)
BATTERY = """\
name: Battery
kind: battery
driver: modbus
connection: {host: 127.0.0.1}
capacity: 10 kWh
max_charge_power: 5 kW
max_discharge_power: 5 kW
points:
  soc: {register: 1, unit: "%"}
  power: {register: 2, type: int16, unit: W}
  power_setpoint: {register: 3, type: int16, unit: W, access: write}
"""


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("ws://a/s2/{resource_id}", "ws://a/s2/{resource_id}"),
        ("wss://me:s3cret@a:1/s2", "wss://***@a:1/s2"),
        ("wss://me:s3/cr@et@a/s2", "wss://***@a/s2"),
        ("ws://a/s2?token=s3cret", "ws://a/s2?token=***"),
        ("ws://a/s2?rm={resource_id}&key=s3=cret", "ws://a/s2?rm={resource_id}&key=***"),
        ("ws://a/?s3cret", "ws://a/?***"),
        ("ws://a/?", "ws://a/?"),
    ],
)
def test_what_is_shown_of_it_is_where_it_leads(url: str, shown: str) -> None:
    assert shown_url(url) == shown


HOSTS = ["", "a", "a.", "cem.local", "192.168.1.10", "fe80::1%eth0", "a..b", ".a", ".", "x" * 63, f"{'x' * 64}.y"]


@pytest.mark.parametrize("host", [*HOSTS, "zähler.local", "zähler..local"])
def test_its_host_can_be_one_where_the_codec_of_python_says_so(host: str) -> None:
    try:
        expected = bool(host.encode("idna"))
    except UnicodeError:
        with pytest.raises(ValueError, match="label"):
            can_be_looked_up(host)
    else:
        assert can_be_looked_up(host) is expected


@pytest.mark.parametrize(
    "url",
    [
        "ws://me:s3cret@a:99999/?token=s3cret",
        "ws://me:s3/cret@a/",
        "http://me:s3cret@a/?token=s3cret",
        "ws://me:s3cret@a/?to ken=s3cret",
        "ws://me:s3cret@a/?token=s3cret#here",
        "ws://s3cret@a/",
        "ws://me:s3cret@a/{rid}?token=s3cret",
        "ws://a/?token={s3cret-}&key=s3cret",
        "ws://me:s3cret@a..b/?token=s3cret",
    ],
)
def test_it_is_refused_without_being_told(tmp_path: Path, url: str) -> None:
    folder(tmp_path, s2d_yaml=f"cem: {{url: '{url}'}}\n")
    with pytest.raises(ConfigError) as refused:
        load(tmp_path)
    assert len(refused.value.problems) == 1
    assert "s3cret" not in str(refused.value)


@pytest.mark.parametrize("command", ["check", "run"])
def test_no_command_shows_it(tmp_path: Path, command: str) -> None:
    folder(tmp_path, s2d_yaml=f"cem: {{url: '{SECRETS}'}}\ngateway: {{state_dir: state}}\n")
    (tmp_path / "devices.d").mkdir(exist_ok=True)
    (tmp_path / "devices.d" / "battery.yaml").write_text(BATTERY)
    arguments = [sys.executable, "-m", "s2d", command, "-c", str(tmp_path)]
    said = ""
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        assert process.stdout
        for line in process.stdout:
            said += line
            if "link.lost" in line:
                process.terminate()
    assert "ws://***@127.0.0.1:1/s2?token=***" in said
    assert "s3cret" not in said
    assert "t0ken" not in said


@pytest.mark.parametrize(
    ("cem", "warned"),
    [
        ("{url: 'wss://a/s2', token_file: token}", []),
        ("{url: 'ws://localhost/s2', token_file: token}", []),
        ("{url: 'ws://127.8.8.8:1/s2', token_file: token}", []),
        ("{url: 'ws://[::1]/s2', token_file: token}", []),
        ("{url: 'ws://a/s2'}", []),
        ("{url: 'ws://a/s2?version=1'}", []),
        ("{url: 'ws://a/s2', token_file: token}", [OVERHEARD]),
        ("{url: 'ws://192.168.1.10/s2', token_file: token}", [OVERHEARD]),
        ("{url: 'wss://me:s3cret@a/s2'}", [READ.format(shown="wss://***@a/s2")]),
        ("{url: 'ws://localhost/s2?access_token=s3cret'}", [READ.format(shown="ws://localhost/s2?access_token=***")]),
        ("{url: 'ws://a/s2?apiKey=s3cret'}", [READ.format(shown="ws://a/s2?apiKey=***"), OVERHEARD]),
    ],
)
def test_a_secret_that_others_can_read_is_warned_of(tmp_path: Path, cem: str, warned: list[str]) -> None:
    token = tmp_path / "token"
    token.write_text("t0ken\n")
    token.chmod(0o600)
    hint = "Put a token into a file of its own, and name that under token_file"
    expected = [each if each is OVERHEARD else f"{each}. {hint}" for each in warned]
    folder(tmp_path, s2d_yaml=f"cem: {cem}\n")
    assert warnings(tmp_path) == [f"s2d.yaml:1:12: cem: url: {each}" for each in expected]
    folder(tmp_path, s2d_yaml=f"devices:\n- cem: {cem}\n" + "".join(f"  {line}\n" for line in BATTERY.splitlines()))
    assert warnings(tmp_path) == [f"s2d.yaml:2:14: Battery: cem: url: {each}" for each in expected]
