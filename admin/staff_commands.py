"""`staff add` and `staff reset`: who may sign in, and the morning it was forgotten."""
from __future__ import annotations

import sys

import click

from admin import people
from admin.people import StaffRefused
from console import Console, Failed, command
from guard import ROLES

_NAMES = {"coordinator": "会务总负责", "lead": "组长", "staff": "工作人员"}


@click.group()
def staff() -> None:
    """工作人员：新增、重置口令 The staff: add somebody, give a new PIN.

    例 Example: python app.py staff add 王芳 --role lead
    """


@staff.command("add")
@click.argument("name")
@click.option("--role", type=click.Choice(list(reversed(ROLES))), required=True, help="角色 the role")
@click.option("--pin-stdin", is_flag=True, help="从标准输入读口令 reads the PIN or passphrase from stdin")
@command
def add(console: Console, name: str, role: str, pin_stdin: bool) -> None:
    """新增一位工作人员 Adds somebody: coordinator 8 个字以上的口令, lead / staff 4 位以上数字.

    例 Example: python app.py staff add 王芳 --role lead
    """
    runtime = console.app().extensions["huiwu"]
    try:
        people.create(runtime, name, role, ask_secret(role, pin_stdin))
    except StaffRefused as refused:
        raise Failed(refused.error, str(refused)) from None
    console.done({"staff": name.strip(), "role": role}, f"已新增{_NAMES[role]} {name.strip()}。 Added.")


@staff.command("reset")
@click.argument("name")
@click.option("--pin-stdin", is_flag=True, help="从标准输入读口令 reads the PIN or passphrase from stdin")
@command
def reset(console: Console, name: str, pin_stdin: bool) -> None:
    """换一个口令，旧的登录立即失效 Gives a new PIN or passphrase; every sign-in of the old one ends.

    例 Example: python app.py staff reset 王芳
    """
    runtime = console.app().extensions["huiwu"]
    try:
        role = people.role_of(runtime, name)
        people.reset(runtime, name, ask_secret(role, pin_stdin))
    except StaffRefused as refused:
        raise Failed(refused.error, str(refused)) from None
    console.done({"staff": name.strip(), "role": role}, f"{name.strip()} 的口令已更换。 Changed.")


def ask_secret(role: str, from_stdin: bool) -> str:
    """The secret: the first line of stdin, or asked for twice on the terminal without showing it."""
    if from_stdin:
        return sys.stdin.readline().rstrip("\r\n")
    if not sys.stdin.isatty():
        raise click.UsageError("没有终端可以输入口令，请加 --pin-stdin。 No terminal to ask on: use --pin-stdin.")
    what = "口令 passphrase" if role == "coordinator" else "PIN"
    return str(click.prompt(what, hide_input=True, confirmation_prompt=f"再输一次 {what} again", err=True))


COMMANDS = (staff,)
