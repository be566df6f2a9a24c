"""What submissions taught us: case types, applications and their forms."""
