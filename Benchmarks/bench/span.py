"""How long a job takes by itself, whatever its process does before and after."""
import ctypes
import os
import select
import struct
import threading
import time

OPENED, CREATED, MOVED = 0x20, 0x100, 0x80  # inotify(7)

_libc = ctypes.CDLL(None, use_errno=True)


class Span:
    """From the first opening of a file to the moment when another is there beside it."""

    def __init__(self, folder, first, last):
        self.begin = self.end = None
        self._last = os.fsencode(last)
        self._queue = _libc.inotify_init1(os.O_CLOEXEC | os.O_NONBLOCK)
        for path, mask in ((os.path.join(folder, first), OPENED), (folder, CREATED | MOVED)):
            if _libc.inotify_add_watch(self._queue, os.fsencode(path), mask) < 0:
                raise OSError(ctypes.get_errno(), "cannot watch", path)
        self._is_over = False
        self._thread = threading.Thread(target=self._look)
        self._thread.start()

    def _look(self):
        while not self._is_over and self.end is None:
            if select.select([self._queue], [], [], 0.2)[0]:
                self._take(os.read(self._queue, 65_536), time.monotonic())

    def _take(self, data, now):
        at = 0
        while at < len(data):
            _, mask, _, length = struct.unpack_from("iIII", data, at)
            name = data[at + 16:at + 16 + length].rstrip(b"\0")
            at += 16 + length
            if mask & OPENED and self.begin is None:
                self.begin = now
            if name == self._last:
                self.end = now

    def seconds(self):
        """How long it was; `None` if it did not begin, or not end."""
        self._is_over = True
        self._thread.join()
        os.close(self._queue)
        return None if self.begin is None or self.end is None else self.end - self.begin
