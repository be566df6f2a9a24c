"""Everything on one machine: what `./run` starts, watches and stops."""
