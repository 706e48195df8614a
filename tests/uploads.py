"""A form with a file, as a browser sends it. The test client's own encoder leaves a temporary file open."""
from __future__ import annotations

from typing import Any

BOUNDARY = "boundary-of-the-tests"


def form(field: str, name: str, content: bytes, /, **fields: str) -> dict[str, Any]:
    """Arguments for `client.post`."""
    parts = [f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{key}"\r\n\r\n{value}\r\n'.encode()
             for key, value in fields.items()]
    head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{field}"; filename="{name}"\r\n\r\n'
    return {"data": b"".join([*parts, head.encode(), content, f"\r\n--{BOUNDARY}--\r\n".encode()]),
            "content_type": f"multipart/form-data; boundary={BOUNDARY}"}
