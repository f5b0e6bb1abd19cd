"""Replace invisible and direction-changing characters, because names and reasons are untrusted text."""

from markupsafe import Markup

from atdb_interface.characters import escaped


def visible(text: str) -> str:
    """Replace such characters, except tab and line feed, by their code point, such as ⟨U+202E⟩.

    `Markup` stays unchanged.
    """
    if isinstance(text, Markup):
        return text
    return escaped(text, keep="\t\n", form="⟨U+{:04X}⟩")
