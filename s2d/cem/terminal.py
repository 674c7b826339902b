"""The CEM on a terminal: a prompt with the live view above it. Imports prompt_toolkit; only loaded on a terminal."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

from prompt_toolkit import PromptSession
from prompt_toolkit.application import Application
from prompt_toolkit.completion import DynamicCompleter, WordCompleter
from prompt_toolkit.formatted_text import FormattedText
from prompt_toolkit.key_binding import KeyBindings
from prompt_toolkit.layout import FormattedTextControl, Layout, Window
from prompt_toolkit.patch_stdout import patch_stdout
from prompt_toolkit.shortcuts import print_formatted_text
from prompt_toolkit.styles import Style

from .formatting import STYLES, Line
from .grammar import VERBS
from .server import CemServer
from .text_wrap import wrapped
from .transcript import Event
from .view import event_line, is_news, overview

REDRAW_S = 0.25
"""The view is drawn anew when something changed, and not more often than this."""

PROMPT = "s2d cem> "

_STYLE = Style.from_dict({name: look for name, look in STYLES.items() if name})


def show(event: Event) -> None:
    """Prints *event* above the prompt, unless the view shows it anyway."""
    line = event_line(event) if is_news(event) else None
    if line is not None:
        print_formatted_text(_formatted([line]), style=_STYLE)


async def converse(cem: CemServer, execute: Callable[[str], str]) -> None:
    """Hands every line typed to *execute* and prints what that returns, until Ctrl-C, Ctrl-D, or EOFError from it."""
    session: PromptSession[str] = PromptSession(
        # Not a toolbar: those are only drawn on terminals that tell where the cursor is.
        lambda: _formatted([[], *_view(cem, session.app), [("name", PROMPT)]]),
        style=_STYLE,
        completer=DynamicCompleter(lambda: WordCompleter(_words(cem), WORD=True)),
        complete_while_typing=False,
        reserve_space_for_menu=0,
        erase_when_done=True,
    )
    session.app.min_redraw_interval = REDRAW_S
    with patch_stdout():
        async with asyncio.TaskGroup() as tasks:
            redrawing = tasks.create_task(_redraw(cem, session.app))
            try:
                while True:
                    line = await session.prompt_async(set_exception_handler=False, handle_sigint=False)
                    if line.strip():
                        print(f"{PROMPT}{line}\n{execute(line)}")
            except (EOFError, KeyboardInterrupt):
                redrawing.cancel()


async def watch(cem: CemServer) -> None:
    """Draws the live view until Ctrl-C, and leaves the last one standing, also when cancelled."""
    keys = KeyBindings()
    keys.add("c-c")(lambda event: event.app.exit())
    table = FormattedTextControl(lambda: _formatted([[], *_view(cem, app), []]))
    app: Application[None] = Application(
        Layout(Window(table, dont_extend_height=True, wrap_lines=True)),
        key_bindings=keys,
        style=_STYLE,
        min_redraw_interval=REDRAW_S,
    )
    async with asyncio.TaskGroup() as tasks:
        redrawing = tasks.create_task(_redraw(cem, app))
        await app.run_async(set_exception_handler=False, handle_sigint=False)
        redrawing.cancel()


async def _redraw(cem: CemServer, app: Application[Any]) -> None:
    def seen() -> list[Line]:
        return overview(cem.conversations)

    while True:
        before = seen()
        await cem.until(lambda before=before: seen() != before)  # type: ignore[misc]
        app.invalidate()


def _view(cem: CemServer, app: Application[Any]) -> list[Line]:
    """The live view, as it fits the terminal between an empty line above and another line below."""
    size = app.output.get_size()
    return wrapped(overview(cem.conversations), size.columns, size.rows - 2)


def _formatted(lines: Sequence[Line]) -> FormattedText:
    fragments: list[tuple[str, str]] = []
    for number, line in enumerate(lines):
        fragments += [("", "\n")] if number else []
        fragments += [(f"class:{style}" if style else "", text) for style, text in line]
    return FormattedText(fragments)


def _words(cem: CemServer) -> list[str]:
    offered = [word for each in cem.conversations if each.choices for word in each.choices.completions()]
    return list(dict.fromkeys([*offered, *VERBS, "status", "help", "quit"]))
