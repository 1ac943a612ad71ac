"""How work is carried: so many at once, in lanes, within a budget, apart in a child; its progress and its time."""
