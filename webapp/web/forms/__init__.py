"""The WTForms classes of the screens."""
