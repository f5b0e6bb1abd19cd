"""What each upgrade creates again beside the tables: views for reports, functions for maintenance, rights."""
