"""The order of runs: every variant once per round, so that a machine that grows slower or faster
does so for all of them."""


def interleaved(rounds: int, variants):
    """Yields (round, variant).  Each round begins with another variant, so that nobody is always
    first or always behind the same neighbour's warm caches."""
    variants = list(variants)
    for number in range(rounds):
        for at in range(len(variants)):
            yield number, variants[(number + at) % len(variants)]
