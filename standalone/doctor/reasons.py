"""Why something failed, without the layers of the libraries."""

import re

#: What the operating system said, such as "[Errno 111] Connection refused".
_OF_SYSTEM = re.compile(r"\[Errno -?\d+\] ([^'\")\]]+)")
_PASSWORD = re.compile(r"://[^/\s]*@")


def short(error: BaseException) -> str:
    """Return what the operating system said, if it said anything, else the error's own message, in one line.

    The password of a URL that the message quotes is left out.
    """
    if isinstance(error, OSError) and error.errno and error.strerror:
        return error.strerror
    message = _PASSWORD.sub("://***@", " ".join(str(error).split()))
    match = _OF_SYSTEM.search(message)
    return match[1].strip() if match else message or type(error).__name__
