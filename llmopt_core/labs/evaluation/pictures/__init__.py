"""What pictures across configurations are drawn from: rows of numbers, without anything of how they look."""
