"""The calculation on the board: what theorems calculated, with the numbers put in."""
