"""A tracking pixel for uvicorn whose events are on the disk before they are answered, many at a sync.

Reads where to write from EVENTS."""
import asyncio
import base64
import hashlib
import hmac
import json
import os
import time

GIF = base64.b64decode("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7")
KEY = b"0123456789abcdef0123456789abcdef"
_file = os.open(os.environ["EVENTS"], os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o600)
_lines, _waiting, _task = [], [], None


async def _write():
    global _lines, _waiting, _task
    loop = asyncio.get_running_loop()
    while _lines:
        lines, waiting, _lines, _waiting = _lines, _waiting, [], []
        os.write(_file, b"".join(lines))
        await loop.run_in_executor(None, os.fdatasync, _file)
        for future in waiting:
            future.set_result(None)
    _task = None


async def app(scope, receive, send):
    global _task
    if scope["type"] != "http":
        return
    token = scope["path"].encode()
    hmac.new(KEY, token, hashlib.sha256).digest()
    _lines.append(json.dumps({"t": time.time(), "e": "open", "token": token.decode()}).encode() + b"\n")
    future = asyncio.get_running_loop().create_future()
    _waiting.append(future)
    if _task is None:
        _task = asyncio.create_task(_write())
    await future
    await send({"type": "http.response.start", "status": 200,
                "headers": [(b"content-type", b"image/gif"), (b"content-length", b"%d" % len(GIF))]})
    await send({"type": "http.response.body", "body": GIF})
