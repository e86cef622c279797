"""What keeps the portal from starting, in words for the person who typed ./run."""


class StartError(Exception):
    """The portal cannot start; the message is one line that says what to do."""
