"""What can go wrong in the lab, and the exit code of each.

LabError            1   something failed while working; the message says what
  Misuse            2   the command was asked for something that makes no sense
  Unfit             3   this machine cannot run the lab; the message names what is missing
"""


class LabError(Exception):
    """A failure whose message is meant for a person, not a traceback."""

    exit_code = 1


class Misuse(LabError):
    """The caller must ask differently."""

    exit_code = 2


class Unfit(LabError):
    """The machine lacks something that the lab cannot do without."""

    exit_code = 3
