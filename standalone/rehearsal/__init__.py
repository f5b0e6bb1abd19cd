"""The rehearsal: inject faults of all kinds into a real stack, and check the result independently of its code."""
