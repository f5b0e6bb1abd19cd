"""What each upgrade creates besides the tables: views for reports, functions for maintenance, rights."""
