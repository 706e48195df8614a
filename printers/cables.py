"""Serial line, USB and the Windows queue: each needs a library that is loaded only for such a printer.

None of the three could be tried on hardware here; they do no more than their libraries' own examples.
"""
from __future__ import annotations

import os
from importlib import import_module
from types import ModuleType
from typing import Any

from printers.channels import PORTION, ChannelError, left
from printers.status import Problem


class SerialChannel:
    """A serial printer, through pyserial."""

    two_way = True

    def __init__(self, path: str, baud: int) -> None:
        """To a port, at a speed: 8 data bits, no parity, one stop bit."""
        self.path, self.baud, self.speed = path, baud, baud // 10
        self._port: Any = None

    def open(self, deadline: float) -> None:
        """Opens the port."""
        serial = driver("serial", "pyserial", "serial")
        try:
            self._port = serial.Serial(self.path, self.baud, timeout=0.1, dsrdtr=True)
        except (OSError, ValueError) as error:
            raise ChannelError(Problem.UNREACHABLE, str(error)) from error

    def write(self, data: bytes, deadline: float) -> None:
        """Writes in portions, so that the deadline holds while the printer's handshake stops us."""
        try:
            for start in range(0, len(data), PORTION):
                self._port.write_timeout = max(0.1, left(deadline))
                self._port.write(data[start:start + PORTION])
        except OSError as error:
            raise ChannelError(Problem.INTERRUPTED, str(error)) from error

    def read(self, deadline: float) -> bytes:
        """What has come in."""
        try:
            self._port.timeout = left(deadline)
            first = self._port.read(1)
            return first + self._port.read(self._port.in_waiting) if first else b""
        except OSError as error:
            raise ChannelError(Problem.INTERRUPTED, str(error)) from error

    def finish(self, deadline: float) -> bool:
        """A serial line has no end of stream: what was handed over counts as taken."""
        return True

    def close(self) -> None:
        """Closes the port."""
        if self._port is not None:
            self._port.close()


class UsbChannel:
    """A USB printer, through pyusb."""

    two_way = True
    speed = 10_000

    def __init__(self, vendor: int, product: int) -> None:
        """To the first device with these numbers."""
        self.ids = (vendor, product)
        self._device: Any = None
        self._out = self._in = 0x00

    def open(self, deadline: float) -> None:
        """Takes the printer's interface from the system's own driver and finds its two ends."""
        usb = driver("usb.core", "pyusb", "USB")
        try:
            self._device = usb.find(idVendor=self.ids[0], idProduct=self.ids[1])
            if self._device is None:
                raise ChannelError(Problem.UNREACHABLE, f"no USB device {self.ids[0]:04x}:{self.ids[1]:04x}")
            if os.name == "posix" and self._device.is_kernel_driver_active(0):
                self._device.detach_kernel_driver(0)
            ends = [end.bEndpointAddress for end in self._device.get_active_configuration()[(0, 0)]]
        except (OSError, NotImplementedError, ValueError) as error:
            raise ChannelError(Problem.UNREACHABLE, str(error)) from error
        self._out = next((end for end in ends if not end & 0x80), 0x01)
        self._in = next((end for end in ends if end & 0x80), 0)
        self.two_way = bool(self._in)

    def write(self, data: bytes, deadline: float) -> None:
        """Writes in portions."""
        try:
            for start in range(0, len(data), PORTION):
                self._device.write(self._out, data[start:start + PORTION], max(1, int(left(deadline) * 1000)))
        except OSError as error:
            raise ChannelError(Problem.INTERRUPTED, str(error)) from error

    def read(self, deadline: float) -> bytes:
        """What has come in; a time-out is no error."""
        while left(deadline) > 0:
            try:
                data = bytes(self._device.read(self._in, 64, max(1, int(left(deadline) * 1000))))
            except TimeoutError:
                return b""
            except OSError as error:
                if error.errno in (60, 110, 10060):       # time-outs of the three systems
                    return b""
                raise ChannelError(Problem.INTERRUPTED, str(error)) from error
            if data:
                return data
        return b""

    def finish(self, deadline: float) -> bool:
        """USB acknowledges each packet: what was handed over is in the printer."""
        return True

    def close(self) -> None:
        """Gives the device back."""
        if self._device is not None:
            import_module("usb.util").dispose_resources(self._device)


class WindowsChannel:
    """A Windows print queue, through pywin32: it takes a document and never says what became of it."""

    two_way = False
    speed = 10_000

    def __init__(self, name: str) -> None:
        """To a queue by its name."""
        self.name = name
        self._spooler: Any = None
        self._queue: Any = None

    def open(self, deadline: float) -> None:
        """Opens the queue."""
        self._spooler = driver("win32print", "pywin32", "Windows")
        try:
            self._queue = self._spooler.OpenPrinter(self.name)
        except Exception as error:
            raise ChannelError(Problem.UNREACHABLE, str(error)) from error

    def write(self, data: bytes, deadline: float) -> None:
        """Hands one raw document over."""
        try:
            self._spooler.StartDocPrinter(self._queue, 1, ("Huiwu", None, "RAW"))
            self._spooler.WritePrinter(self._queue, data)
            self._spooler.EndDocPrinter(self._queue)
        except Exception as error:
            raise ChannelError(Problem.INTERRUPTED, str(error)) from error

    def read(self, deadline: float) -> bytes:
        """Nothing ever comes back."""
        return b""

    def finish(self, deadline: float) -> bool:
        """The queue has all of it."""
        return True

    def close(self) -> None:
        """Closes the queue."""
        if self._queue is not None:
            self._spooler.ClosePrinter(self._queue)


def driver(module: str, package: str, what: str) -> ModuleType:
    """A library that only this kind of printer needs; raises ChannelError that says what to install."""
    try:
        return import_module(module)
    except ImportError as error:
        raise ChannelError(Problem.UNUSABLE, f"{what} 打印机需要先安装 {package} · "
                                             f"{what} printers need {package}: pip install {package}") from error
