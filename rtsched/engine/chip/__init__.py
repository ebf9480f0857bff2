"""The hardware beside plain processors: clocks, power, heat, memory, links, faults, accelerators."""
