"""Why a job took as long as it did: every instant from its arrival to its end, with the one cause that it had."""
