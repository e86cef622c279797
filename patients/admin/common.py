"""What the lists of patients and their data share."""

from django.utils.translation import gettext_lazy as _

from portal.desk.filters import scoped

BY_SUBJECT = ("^patient__subject_number", "=patient__usubjid")
SUBJECT = _("Subject number")
SUBJECT_OR_DATE = _("Subject number, or a date such as 2013-05")
PLACES = (scoped("trial"), scoped("site"))
