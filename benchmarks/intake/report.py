"""Goals met and missed."""

from _run import verdict


class Goals:
    """Collects the verdicts of a run."""

    def __init__(self) -> None:
        self.missed: list[str] = []
        self.met = 0

    def check(self, what: str, holds: bool, found: str) -> None:
        """Print and keep one verdict."""
        if verdict(what, found, is_met=holds):
            self.met += 1
        else:
            self.missed.append(what)

    def ratio(self, what: str, ours: float, theirs: float, least: float) -> None:
        """Check that ours is at least so many times theirs."""
        found = ours / theirs if theirs else 0.0
        self.check(f"{what}, at least {least:g} times", found >= least, f"{found:.2f} times")

    def summary(self) -> int:
        """Print the end; return 1 when something was missed."""
        print(f"\nfigures   {self.met} met, {len(self.missed)} missed")
        for what in self.missed:
            print(f"          missed: {what}")
        return 1 if self.missed else 0
