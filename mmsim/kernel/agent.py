"""System calls asked of a small program through a socket, where no process may be traced.

Each call is a record of 64 bytes: number, six arguments, and the channel to go on with if the call answers 0. The
answer has 8 bytes. Packets keep their bounds, so the same channel also carries bytes into and out of the process's
memory: the process reads or writes them itself, by a call like any other.
"""

from __future__ import annotations

import fcntl
import os
import signal
import socket
import struct
from pathlib import Path

from .arch import Arch, here
from .elf import LAYOUTS, program
from .errors import NoKernel
from .maps import parse
from .ptrace import libc
from .spawn import CLONE_PARENT, PR_SET_PDEATHSIG, in_memory, reap, signed, spawn, words

__all__ = ["Agent"]

_CHANNEL, _PROGRAM = 3, 4
"""The child's descriptors; the program knows the first by this number."""


class Agent:
    """A process that waits for calls at the other end of a socket."""

    name = "pipe agent"

    def __init__(self, pid: int, arch: Arch, channel: socket.socket, number: int, scratch: int = 0) -> None:
        """`number` is the descriptor by which the process knows its end of the channel."""
        self.pid = pid
        self.scratch = scratch
        self._arch = arch
        self._channel = channel
        self._number = number

    @classmethod
    def start(cls, layout: str, aslr: bool = False, uid: int | None = None) -> Agent:
        """Run the program of a layout; raises NoKernel."""
        arch = here()
        if layout not in LAYOUTS:
            raise NoKernel(f"the agent is a program of its own, it cannot be one of the layout {layout!r}")
        return cls.run(program(LAYOUTS[layout], arch), arch, aslr, uid)

    @classmethod
    def run(cls, image: bytes, arch: Arch, aslr: bool = False, uid: int | None = None) -> Agent:
        """Run a program that holds the agent's code; raises NoKernel."""
        ours, its = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with its, in_memory(image) as file:
            pid = spawn(libc(), _PROGRAM, lambda: _keep(its.fileno(), file), aslr, uid)
        agent = cls(pid, arch, ours, _CHANNEL)
        try:
            agent.scratch = agent._reply()[1] + 64  # the first answer is the stack's address, unasked
        except ChildProcessError:
            raise NoKernel("the kernel does not run a program from memory") from None
        return agent

    def call(self, name: str, *arguments: int) -> int:
        """One system call."""
        return self._ask(self._record(name, *arguments))[1]

    def _record(self, name: str, *arguments: int, child_channel: int = 0) -> bytes:
        return struct.pack("<8Q", self._arch.numbers[name], *words(arguments, 6), child_channel)

    def _ask(self, *packets: bytes) -> tuple[bytes, int]:
        """Send; what the process sent of its memory, and the answer."""
        try:
            for packet in packets:
                self._channel.send(packet)
            return self._reply()
        except OSError as error:
            self.kill()
            raise ChildProcessError(f"process {self.pid} ended") from error
        except BaseException:
            self.kill()  # an answer may be on its way that nobody waits for
            raise

    def _reply(self) -> tuple[bytes, int]:
        content, packet = b"", self._channel.recv(64)
        while len(packet) not in (0, 8):
            content, packet = content + packet, self._channel.recv(64)
        if not packet:
            self.kill()
            raise ChildProcessError(f"process {self.pid} ended")
        return content, signed(struct.unpack("<Q", packet)[0])

    def write(self, address: int, content: bytes) -> None:
        """The process reads the bytes from the channel."""
        answer = self._ask(self._record("read", self._number, address, len(content)), content)[1]
        if answer != len(content):
            raise OSError(-answer, os.strerror(-answer))

    def readable(self, address: int) -> bool:
        """The process sends the byte, where its mapping permits a look from outside.

        (The processor would let it read also what is mapped for writing only.)
        """
        vmas = parse(Path(f"/proc/{self.pid}/maps").read_text())
        visible = any(vma.start <= address < vma.end and vma.perms[0] == "r" for vma in vmas)
        return visible and self.call("write", self._number, address, 1) == 1

    def fork(self) -> Agent | int:
        """The child is ours, not its, and has a channel of its own."""
        ours, its = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with its:
            number = self._receive(its)
        answer = self._ask(self._record("clone", CLONE_PARENT | signal.SIGCHLD, child_channel=number))[1]
        self.call("close", number)
        if answer < 0:
            ours.close()
            return answer
        child = Agent(answer, self._arch, ours, number, self.scratch)
        child._reply()
        child.call("close", self._number)  # or its parent's death could not be told
        child.call("prctl", PR_SET_PDEATHSIG, signal.SIGKILL)
        return child

    def _receive(self, its: socket.socket) -> int:
        """Hand a descriptor over by recvmsg(); the number the process knows it by."""
        at = self.scratch
        data, control = at + 72, at + 80
        self.write(at, struct.pack("<QQQQQQQ2Q", 0, 0, at + 56, 1, control, 24, 0, data, 1))
        self._channel.send(self._record("recvmsg", self._number, at, 0))
        socket.send_fds(self._channel, [b"."], [its.fileno()])
        if self._reply()[1] != 1:
            raise ChildProcessError(f"process {self.pid} took no channel")
        passed = self._ask(self._record("write", self._number, control + 16, 4))[0]
        return struct.unpack("<i", passed)[0]

    def kill(self) -> None:
        """End it and collect it; twice does no harm."""
        self._channel.close()
        reap(self.pid)


def _keep(channel: int, file: int) -> bool:
    """In the child: the descriptors it needs, and none else of ours."""
    copies = [fcntl.fcntl(each, fcntl.F_DUPFD, _PROGRAM + 1) for each in (channel, file)]
    os.dup2(copies[0], _CHANNEL)
    os.dup2(copies[1], _PROGRAM, inheritable=False)
    os.closerange(_PROGRAM + 1, os.sysconf("SC_OPEN_MAX"))
    return True
