"""Everything that knows how LigdiCash speaks: the client, the wire formats and the simulator."""
