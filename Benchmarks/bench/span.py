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
    """While it is entered: from the first opening of a file to the moment when another is there beside it."""

    def __init__(self, folder, first, last):
        self._watches = ((os.path.join(folder, first), OPENED), (folder, CREATED | MOVED))
        self._last = os.fsencode(last)
        self._begin = self._end = None
        self._is_over = False

    def __enter__(self):
        self._queue = _libc.inotify_init1(os.O_CLOEXEC | os.O_NONBLOCK)
        for path, mask in self._watches:
            if _libc.inotify_add_watch(self._queue, os.fsencode(path), mask) < 0:
                raise OSError(ctypes.get_errno(), "cannot watch", path)
        self._thread = threading.Thread(target=self._look)
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._is_over = True
        self._thread.join()
        os.close(self._queue)

    @property
    def seconds(self):
        """How long it was; `None` if it did not begin, or not end."""
        return None if self._begin is None or self._end is None else self._end - self._begin

    def _look(self):
        while self._end is None:
            # Asked before the look: what came until then is still taken.
            is_over = self._is_over
            if select.select([self._queue], [], [], 0.2)[0]:
                self._take(os.read(self._queue, 65_536), time.monotonic())
            elif is_over:
                return

    def _take(self, data, now):
        at = 0
        while at < len(data):
            _, mask, _, length = struct.unpack_from("iIII", data, at)
            name = data[at + 16:at + 16 + length].rstrip(b"\0")
            at += 16 + length
            if mask & OPENED and self._begin is None:
                self._begin = now
            if name == self._last:
                self._end = now
