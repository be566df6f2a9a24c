"""Tables that people bring and take: CSV and XLSX, read and written (SPEC U10)."""
