"""Tables that leave: what a list shows, as files for spreadsheets (SPEC U10)."""
