"""Work that is queued: rows in the database, woken through RQ."""
