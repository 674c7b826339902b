"""The control socket: whom it lets in, what it answers, and that it leaves nothing behind."""

import asyncio
import os
import socket
import stat

import pytest

from s2d.host.control_socket import SOCKET, WITHIN_S, ask, listening


def in_capitals(line: bytes) -> bytes:
    return line.upper()


async def asked(folder, question):
    return await asyncio.to_thread(ask, folder, question)


async def test_each_who_asks_is_answered_and_nobody_but_its_user_can_ask(tmp_path):
    async with listening(tmp_path, in_capitals):
        found = (tmp_path / SOCKET).stat()
        assert stat.S_ISSOCK(found.st_mode)
        assert stat.S_IMODE(found.st_mode) == 0o600
        assert await asyncio.gather(*(asked(tmp_path, question) for question in (b"one", b"two", b""))) == [
            b"ONE",
            b"TWO",
            b"",
        ]
    assert not os.listdir(tmp_path)
    with pytest.raises(FileNotFoundError):
        ask(tmp_path, b"anybody there?")


async def test_it_takes_the_place_of_one_that_was_left_behind(tmp_path):
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(tmp_path / SOCKET))
    with pytest.raises(ConnectionRefusedError):
        ask(tmp_path, b"anybody there?")
    async with listening(tmp_path, in_capitals):
        assert await asked(tmp_path, b"yes") == b"YES"


async def test_a_folder_may_have_a_long_name(tmp_path):
    folder = tmp_path.joinpath(*["a long name of a folder"] * 6)
    folder.mkdir(parents=True)
    async with listening(folder, in_capitals):
        assert await asked(folder, b"yes") == b"YES"


async def test_there_is_none_in_a_folder_that_is_none(tmp_path):
    with pytest.raises(OSError, match="No such file"):
        async with listening(tmp_path / "none", in_capitals):
            pass


@pytest.mark.virtual_time
async def test_who_asks_nothing_is_not_waited_for(tmp_path):
    async with listening(tmp_path, in_capitals):
        reader, writer = await asyncio.open_unix_connection(tmp_path / SOCKET)
        since = asyncio.get_running_loop().time()
        writer.write(b"half a ques")
        assert await reader.read() == b""
        assert asyncio.get_running_loop().time() - since == pytest.approx(WITHIN_S, abs=0.1)
        writer.close()


async def test_who_asks_too_much_is_not_heard(tmp_path):
    async with listening(tmp_path, in_capitals):
        reader, writer = await asyncio.open_unix_connection(tmp_path / SOCKET)
        writer.write(b"x" * 100_000)
        with pytest.raises((ConnectionResetError, asyncio.IncompleteReadError)):
            await reader.readexactly(1)
        writer.close()
        assert await asked(tmp_path, b"yes") == b"YES"


async def test_who_is_still_there_at_the_end_is_cut_off(tmp_path):
    async with listening(tmp_path, in_capitals):
        reader, writer = await asyncio.open_unix_connection(tmp_path / SOCKET)
        assert await asked(tmp_path, b"yes") == b"YES"  # by then the one before was let in
    assert await reader.read() == b""
    writer.close()
