"""The rehearsal: the real stack under every fault that can be thought of, and a judge who trusts none of it."""
