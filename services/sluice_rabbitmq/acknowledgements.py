"""Which deliveries the queue may forget: all up to the first that is still open. Pure."""


class Acknowledgements:
    """Delivery tags count from 1 on each connection, in order. One answer for many costs the server and us far less than one for each."""

    def __init__(self) -> None:
        self._done: set[int] = set()
        self._reached = 0
        self._told = 0

    def done(self, tag: int) -> None:
        self._done.add(tag)
        while self._reached + 1 in self._done:
            self._reached += 1
            self._done.remove(self._reached)

    def due(self) -> int:
        """The tag to acknowledge, with all before it; 0 for none."""
        if self._reached == self._told:
            return 0
        self._told = self._reached
        return self._reached

    def scattered(self) -> list[int]:
        """Those that are done although one before them is still open, each to be acknowledged by itself: at the end of a connection."""
        return sorted(self._done)
