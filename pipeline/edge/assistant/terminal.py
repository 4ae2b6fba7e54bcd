"""The conversation in a terminal."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.data.assistant.tasks import TASKS
from pipeline.edge.assistant.assistant import Assistant, Told, Turn
from pipeline.edge.assistant.log import log
from pipeline.edge.assistant.opened import open_assistant
from pipeline.edge.assistant.rating_form import rate
from pipeline.edge.assistant.shown import shown, shown_json
from pipeline.edge.assistant.workspace import Workspace
from pipeline.errors import EdgeError
from pipeline.runtime.decision import LOCAL

if TYPE_CHECKING:
    from rich.console import Console

GREETING = "学习助手：找课件、记学习、问概念。/help 看用法，/quit 退出。"
HELP = """直接输入问题，例如：
  电磁学第三章的课件在哪    找课程文件
  今天学了40分钟线性代数    记录和查看学习
  电场强度的单位是什么      知识卡片
  推导一下高斯定理          交给云端（如果配置了）
/local 问题   只在本机回答，不发往云端
/cloud        把上一个问题交给云端
/rate         给上一个回答评分
/help         这段说明
/quit         退出（Ctrl-D 也行）"""
CAPTIONS = {task.name: task.caption for task in TASKS}


def ask(workspace: Workspace, question: str, local_only: bool = False, as_json: bool = False) -> int:
    """One question, its answer on stdout."""
    with open_assistant(workspace) as assistant:
        turn = assistant.begin(question, local_only=local_only)
        if as_json:
            text = "".join(part.text for part in turn.parts)
            print(shown_json({"answer": text, **turn.told.to_json()}))
        else:
            _show(turn)
    _log(workspace, turn.told, question)
    return 0


def talk(workspace: Workspace) -> int:
    """Questions and answers until /quit or the input's end."""
    last: tuple[str, Told] | None = None
    with open_assistant(workspace) as assistant, _history(workspace.history):
        print(GREETING)
        for line in _lines():
            with _mistakes_told():
                last = _do(line, last, assistant, workspace)
    return 0


def _do(line: str, last: tuple[str, Told] | None, assistant: Assistant, workspace: Workspace) -> tuple[str, Told] | None:
    """One line of the student's; returns the last question and what was told of its answer."""
    command, _, rest = line.partition(" ")
    if command == "/help":
        print(HELP)
    elif command in ("/rate", "/cloud") and last is None:
        print("还没有问过问题。")
    elif command == "/rate" and last:
        rate(workspace.ratings, last[1].task, question=last[0])
    elif command == "/cloud" and last:
        return _answered(last[0], assistant, workspace, to_cloud=True)
    elif command == "/local" and rest.strip():
        return _answered(rest.strip(), assistant, workspace, local_only=True)
    elif line.startswith("/"):
        print(f"没有 {shown(command)} 这个命令，/help 看用法。")
    else:
        return _answered(line, assistant, workspace)
    return last


def _answered(question: str, assistant: Assistant, workspace: Workspace, **wanted: bool) -> tuple[str, Told]:
    turn = assistant.begin(question, **wanted)
    _show(turn)
    _log(workspace, turn.told, question)
    return question, turn.told


def _show(turn: Turn) -> None:
    for part in turn.parts:
        print(shown(part.text), end="", flush=True)
    print()
    _console().print(_line_about(turn.told), style="dim", markup=False, highlight=False)


def _line_about(told: Told) -> str:
    where = "设备" if told.route == LOCAL or told.trouble else "云端"
    task = f"{CAPTIONS.get(told.task, told.task)} {told.confidence:.0%}" if told.task and told.confidence is not None else ""
    sent = f"随问题发出 {len(told.sources)} 项资料" if where == "云端" and told.sources else ""
    hint = "输入 /cloud 交给云端" if told.offers_cloud else ""
    return "  ".join(filter(None, (f"[{where}]", task, f"{sum(told.ms.values()):.0f} ms", sent, hint)))


def _log(workspace: Workspace, told: Told, question: str) -> None:
    log(workspace.log, told, question if workspace.settings.log_questions else None)


@contextmanager
def _mistakes_told() -> Iterator[None]:
    """A mistake is one line, and the conversation goes on."""
    try:
        yield
    except EdgeError as error:
        print(f"edge: {shown(str(error))}", file=sys.stderr)


def _lines() -> Iterator[str]:
    while True:
        try:
            line = input("› " if sys.stdin.isatty() else "").strip()
        except EOFError:
            return
        if line == "/quit":
            return
        if line:
            yield line


@contextmanager
def _history(file: Path | None) -> Iterator[None]:
    """Earlier lines come back with the arrow keys; those of earlier conversations from ``file``, which its owner alone may read."""
    try:
        import readline
    except ImportError:  # not on every system
        yield
        return
    if file is None or not sys.stdin.isatty():
        yield
        return
    with suppress(OSError):
        readline.read_history_file(file)
    readline.set_history_length(500)
    try:
        yield
    finally:
        with suppress(OSError):
            file.touch(0o600)
            file.chmod(0o600)
            readline.write_history_file(file)


def _console() -> Console:
    from rich.console import Console
    return Console(stderr=True)
