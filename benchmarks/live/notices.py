"""Tell everybody of a ward of one report after another: `notices.py ROUNDS PERSON...`."""

import os
import sys
from uuid import UUID

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")

import django

django.setup()

from portal.core import clock  # noqa: E402
from portal.core.ids import uuid7  # noqa: E402
from portal.notices.kinds import NoticeKind  # noqa: E402
from portal.notices.services.telling import About, tell  # noqa: E402

if __name__ == "__main__":
    people = [UUID(one) for one in sys.argv[2:]]
    for number in range(1, int(sys.argv[1]) + 1):
        about = About(resource="report", record=uuid7(), number=str(number))
        tell(kind=NoticeKind.REPORT_READY, about=about, people=people, at=clock.now())
