"""The usual way, for comparison: one DRF view, SimpleJWT, a ModelSerializer, one row a request.

The same report as the Go peer's, in a database of its own. `python drf_peer.py` makes the table
and the users; `uvicorn drf_peer:application --interface wsgi` serves it.
"""

import os

import django
from django.conf import settings
from psycopg.conninfo import conninfo_to_dict

_PARTS = dict(conninfo_to_dict(os.environ["BENCH_DRF_URL"]))

settings.configure(
    SECRET_KEY=os.environ["JWT_SECRET"],
    ALLOWED_HOSTS=["*"],
    ROOT_URLCONF=__name__,
    INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "rest_framework"],
    DATABASES={
        "default": {
            "ENGINE": "django.db.backends.postgresql",
            "NAME": _PARTS["dbname"],
            "USER": _PARTS["user"],
            "HOST": _PARTS["host"],
            "CONN_MAX_AGE": None,
        }
    },
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    USE_TZ=True,
    SIMPLE_JWT={"USER_ID_CLAIM": "user_id"},
    REST_FRAMEWORK={
        "DEFAULT_AUTHENTICATION_CLASSES": [
            "rest_framework_simplejwt.authentication.JWTAuthentication"
        ],
        "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
        "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    },
)
django.setup()

from django.contrib.auth.models import User  # noqa: E402
from django.contrib.postgres.fields import ArrayField  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.core.wsgi import get_wsgi_application  # noqa: E402
from django.db import connection, models  # noqa: E402
from django.urls import path  # noqa: E402
from rest_framework import generics, serializers, status  # noqa: E402
from rest_framework.response import Response  # noqa: E402

USERS = 5000


class Report(models.Model):
    """What a phone sends to the peers."""

    submission_id = models.UUIDField(unique=True)
    patient = models.ForeignKey(User, models.PROTECT)
    kind = models.CharField(max_length=16, choices=[("vitals", "vitals"), ("diary", "diary")])
    recorded_at = models.DateTimeField()
    heart_rate = models.IntegerField()
    systolic = models.IntegerField()
    diastolic = models.IntegerField()
    spo2 = models.IntegerField()
    temp_c = models.FloatField()
    symptoms = ArrayField(models.CharField(max_length=60))
    note = models.CharField(max_length=500, blank=True)
    received_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        app_label = "drf_peer"
        db_table = "epro_report"


class ReportSerializer(serializers.ModelSerializer):
    """The form of a report."""

    class Meta:
        model = Report
        exclude = ("patient",)


class ReportView(generics.CreateAPIView):
    """Store one report."""

    serializer_class = ReportSerializer
    queryset = Report.objects.all()

    def create(self, request, *args, **kwargs):
        """Check, save, answer."""
        serializer = self.get_serializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        report = serializer.save(patient=request.user)
        return Response(
            {"id": str(report.submission_id), "status": "accepted"}, status.HTTP_202_ACCEPTED
        )


urlpatterns = [path("api/epro/", ReportView.as_view())]
application = get_wsgi_application()


def make() -> None:
    """Make the tables and the users whose tokens the load client has."""
    call_command("migrate", verbosity=0)
    with connection.schema_editor() as editor:
        editor.create_model(Report)
    User.objects.bulk_create(User(id=n, username=f"p{n}") for n in range(1, USERS + 1))


if __name__ == "__main__":
    make()
