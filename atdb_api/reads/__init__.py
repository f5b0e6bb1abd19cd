"""What is read for programs and pages alike, collected in frozen dataclasses and wire models."""
