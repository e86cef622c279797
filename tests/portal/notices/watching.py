"""A watcher of its own whose provider writes letters to a file: `… watching LETTERS`."""

import os
import sys

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")


def carry_to(path: str) -> None:
    """Take every mail and push and write its id down, before anything else can happen."""
    from portal.notices.channels import base

    def take(letter: base.Letter) -> base.Answer:
        with open(path, "a") as file:
            file.write(f"{letter.id} {letter.person} {letter.title}\n")
        return base.Answer(base.Outcome.SENT, "250 ok", f"<{letter.id}@portal>")

    base.carries("email")(take)
    base.carries("push")(take)


if __name__ == "__main__":
    django.setup()
    carry_to(sys.argv[1])
    from django.core.management import call_command

    call_command("watch_notices")
