"""The public interface of ATDB: its lifecycle, wire models, errors, client and commands."""
