"""Short reasons of failures, without the layers that libraries add."""

import re

#: The message of the operating system, such as "[Errno 111] Connection refused".
_OF_SYSTEM = re.compile(r"\[Errno -?\d+\] ([^'\"”)\]]+)")
_PASSWORD = re.compile(r"://[^/\s]*@")


def short(error: BaseException) -> str:
    """Return the operating system's message if there is one, otherwise the error's own message, in one line.

    The password of a URL in the message is hidden.
    """
    if isinstance(error, OSError) and error.errno and error.strerror:
        return error.strerror
    message = _PASSWORD.sub("://***@", " ".join(str(error).split()))
    match = _OF_SYSTEM.search(message)
    return match[1].strip() if match else message or type(error).__name__


def without_advice(error: BaseException) -> str:
    """Return the first sentence of an error. The others are advice, and a result has its own."""
    return str(error).partition(". ")[0]
