"""`s2d cem` as its user meets it: a process, its lines, its prompt, its signals, its exit status."""

import asyncio
import fcntl
import json
import os
import pty
import re
import struct
import sys
import termios
from contextlib import asynccontextmanager

import pytest
from played_rm import CHARGE, played_rm, storage_status

from s2d.__main__ import main
from tests.chronicle import PATIENCE_S

pytestmark = pytest.mark.system


@asynccontextmanager
async def commissioned(*arguments, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, **environment):
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "s2d", "cem", "--port", "0", *arguments,
        stdin=stdin,
        stdout=stdout,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, **environment},
    )  # fmt: skip
    try:
        async with asyncio.timeout(2 * PATIENCE_S):
            yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def line_of(process, containing=""):
    while line := (await process.stdout.readline()).decode():
        if containing in line:
            return line.rstrip("\n")
    raise AssertionError(f"no line with {containing!r}")


async def port_of(process):
    line = await line_of(process)
    greeting = r"S2 on ws://127\.0\.0\.1:(\d+), any path; FILL_RATE_BASED_CONTROL wanted"
    return int(re.fullmatch(greeting, line)[1])


async def test_a_script_is_carried_out_and_logged(tmp_path):
    script, log = tmp_path / "commission.yaml", tmp_path / "said.jsonl"
    script.write_text("- wait for: FRBC.StorageStatus\n- charge: 0.5\n- wait for: SUCCEEDED\n")
    async with commissioned("--script", str(script), "--log", str(log), stdin=asyncio.subprocess.DEVNULL) as process:
        async with played_rm(await port_of(process)) as rm:
            await rm.be_selected()
            instruction = await rm.carry_out("ACCEPTED", "STARTED", "SUCCEEDED")
            await rm.hear("SessionRequest")
            await rm.hear("the end")
        output, errors = await process.communicate()
        assert (process.returncode, errors) == (0, b"")
    shown = [re.sub(r"^\d\d:\d\d:\d\dZ ", "", line) for line in output.decode().splitlines()]
    assert shown[0] == "/s2/battery-1  connected"
    assert "Home battery < FRBC.StorageStatus  present_fill_level 50" in shown
    assert "#1 charge (factor 1 is full power): S2 factor 0.5, 2500 W, at once" in shown
    assert shown[-2:] == ["Home battery > SessionRequest  request TERMINATE", "Home battery  closed with code 1000"]
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    assert [line["message"] for line in lines if line["message"]["message_type"] == "FRBC.Instruction"] == [instruction]
    assert {line["rm"] for line in lines} == {"/s2/battery-1", "battery-1"}
    heard = [line["message"]["message_type"] for line in lines if line["direction"] == "in"]
    assert heard.count("ReceptionStatus") == len(heard) - heard.count("InstructionStatusUpdate") - 5


async def test_lines_are_obeyed_and_the_end_of_input_is_not_the_end():
    async with commissioned() as process:
        port = await port_of(process)
        process.stdin.write(b"charge 1\n")
        assert await line_of(process) == "no resource manager is connected"
        async with played_rm(port) as rm:
            await rm.be_selected()
            await line_of(process, containing="FRBC.ActuatorStatus")
            process.stdin.write(b"charge 0.5\nselect pebc")
            process.stdin.close()
            instruction = await rm.hear("FRBC.Instruction")
            assert (instruction["operation_mode"], instruction["operation_mode_factor"]) == (CHARGE, 0.5)
            await line_of(process, containing="does not offer POWER_ENVELOPE_BASED_CONTROL; it offers frbc")
            process.terminate()
            assert (await rm.hear("SessionRequest"))["request"] == "TERMINATE"
            await rm.hear("the end")
        _, errors = await process.communicate()
        assert (process.returncode, errors) == (0, b"")


async def test_help_is_for_what_is_in_use_and_a_wrong_word_says_what_is_possible():
    async with commissioned() as process:
        port = await port_of(process)
        process.stdin.write(b"help\n")
        assert await line_of(process) == "frbc, ombc, ddbc:"
        assert await line_of(process, containing="ppbc:") == "ppbc:"
        process.stdin.write(b"help pebc\n")
        assert "select pebc" in await line_of(process, containing="pebc")
        assert await line_of(process, containing="pebc:") == "pebc:"
        async with played_rm(port) as rm:
            await rm.be_selected()
            await line_of(process, containing="FRBC.ActuatorStatus")
            process.stdin.write(b"help\n")
            assert await line_of(process) == "frbc:"
            for line, answer in (
                (b"help frbcc\n", "expected a control type, one of frbc, pebc, ppbc, ombc, ddbc, not_controlable, "),
                (
                    b"shedule wash\n",
                    'shedule takes a number from 0 to 1, or a power such as 2 kW, got "wash"; '
                    "Home battery: under FILL_RATE_BASED_CONTROL the modes are idle, charge, discharge",
                ),
                (b"charge lots\n", 'charge takes a number from 0 to 1, or a power such as 2 kW, got "lots"'),
                (
                    b"limit 0\n",
                    '"limit" cannot be ordered: under FILL_RATE_BASED_CONTROL the modes are idle, charge, discharge',
                ),
                (b"charge 2 kW\n", "#1 charge (factor 1 is full power): S2 factor 0.4, 2000 W, at once"),
                (b"stop\n", "#2 idle: S2 factor 0, 0 W, at once"),
            ):
                process.stdin.write(line)
                assert (await line_of(process, containing=answer[:20])).startswith(answer)
            for _ in range(2):
                await rm.hear("FRBC.Instruction")
            process.stdin.write(b"status\n")
            assert "#2 idle" in await line_of(process, containing="instruction  #2")
            process.stdin.write(b"quit\n")
            assert (await rm.hear("SessionRequest"))["request"] == "TERMINATE"
            await rm.hear("the end")
        assert await process.wait() == 0


async def test_a_script_that_fails_still_says_goodbye(tmp_path):
    script = tmp_path / "commission.yaml"
    script.write_text("- wait for: FRBC.StorageStatus\n- charge: 1\n- wait for: SUCCEEDED\n")
    async with commissioned("--script", str(script)) as process:
        async with played_rm(await port_of(process)) as rm:
            await rm.be_selected()
            await rm.carry_out("REJECTED")
            assert (await rm.hear("SessionRequest"))["request"] == "TERMINATE"
            await rm.hear("the end")
        _, errors = await process.communicate()
        sentence = f"s2d cem: {script}:3:3: no SUCCEEDED: charge, S2 factor 1, 5000 W is REJECTED\n"
        assert (process.returncode, errors.decode()) == (1, sentence)


async def test_quit_ends_it():
    async with commissioned() as process:
        await port_of(process)
        output, errors = await process.communicate(b"quit\n")
        assert (process.returncode, output, errors) == (0, b"", b"")


async def test_on_a_terminal_there_is_a_view_and_a_prompt():
    screen, terminal = pty.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))
    seen = Screen(screen)
    try:
        async with commissioned(stdin=terminal, stdout=terminal, PROMPT_TOOLKIT_NO_CPR="1", TERM="xterm") as process:
            port = int((await seen.until(r"S2 on ws://127\.0\.0\.1:(\d+),"))[1])
            await seen.until("no resource manager is connected")
            async with played_rm(port) as rm:
                await rm.be_selected()
                await seen.until("██████████░░░░░░░░░░|█████████░░░░░░░░░░░")
                os.write(screen, b"charge 0.5\r")
                instruction = await rm.carry_out("ACCEPTED", "STARTED")
                assert (instruction["operation_mode"], instruction["operation_mode_factor"]) == (CHARGE, 0.5)
                await seen.until("S2 factor 0.5, 2500 W, at once")
                await seen.until("STARTED")
                await rm.say(storage_status(91.25, "rm-storage-2"))
                await seen.until(r"91\.25")
                os.write(screen, b"\x03")
                assert (await rm.hear("SessionRequest"))["request"] == "TERMINATE"
                await rm.hear("the end")
            assert (await process.wait(), await process.stderr.read()) == (0, b"")
    finally:
        seen.close()
        os.close(screen)
        os.close(terminal)


class Screen:
    """What was written to a terminal so far."""

    def __init__(self, screen):
        self._screen, self._text, self._grown = screen, "", asyncio.Event()
        asyncio.get_running_loop().add_reader(screen, self._read)

    def _read(self):
        self._text += os.read(self._screen, 65536).decode(errors="replace")
        self._grown.set()

    async def until(self, pattern):
        while not (match := re.search(pattern, re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", self._text))):
            self._grown.clear()
            await self._grown.wait()
        return match

    def close(self):
        asyncio.get_running_loop().remove_reader(self._screen)


async def test_what_cannot_be_is_one_sentence(tmp_path):
    failing, wrong = tmp_path / "failing.yaml", tmp_path / "wrong.yaml"
    failing.write_text("- charge: 1\n")
    wrong.write_text("- charge: 2\n- wait: soon\n")
    async with commissioned() as first:
        port = await port_of(first)
        for arguments, status, sentences in (
            (["--port", str(port)], 1, [f"s2d cem: cannot listen on 127.0.0.1:{port}: address already in use"]),
            (["--script", str(failing)], 1, [f"s2d cem: {failing}:1:3: no resource manager is connected"]),
            (["--log", str(tmp_path)], 1, [f"s2d cem: cannot write {tmp_path}: Is a directory"]),
            (
                ["--script", str(wrong)],
                78,
                [
                    f"{wrong}:1:11: step 1: charge takes a number from 0 to 1, got 2",
                    f'{wrong}:2:9: step 2: expected a duration such as "30 s", got "soon"',
                ],
            ),
        ):
            async with commissioned(*arguments) as process:
                _, errors = await process.communicate()
                assert (process.returncode, errors.decode().splitlines()) == (status, sentences)


def test_a_port_that_is_none_is_wrong_use(capsys):
    with pytest.raises(SystemExit) as exit_:
        main(["cem", "--port", "70000"])
    assert exit_.value.code == 2
    assert "expected a port from 0 to 65535, got 70000" in capsys.readouterr().err
