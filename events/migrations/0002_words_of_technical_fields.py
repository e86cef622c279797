"""What the desk calls the fields and tables that only programs write."""

from django.db import migrations

from portal.core.operations import Reword


class Migration(migrations.Migration):
    dependencies = [('events', '0001_initial')]

    operations = [
        Reword(
            {
                'adverseeventversion': {
                    'reported_by': 'reported by',
                    'site_aware_stated_by': 'site awareness stated by',
                    'sponsor_aware_stated_by': 'sponsor awareness stated by',
                },
                'adverseeventversionhistory': {
                    'reported_by': 'reported by',
                    'site_aware_stated_by': 'site awareness stated by',
                    'sponsor_aware_stated_by': 'sponsor awareness stated by',
                },
                'causalityassessment': {
                    'assessed_by': 'recorded by',
                    'event_product': 'product of the event',
                },
                'causalityassessmenthistory': {
                    'assessed_by': 'recorded by',
                    'event_product': 'product of the event',
                },
                'eventproduct': {
                    'changed_exposure': 'exposure that was changed',
                    'product': 'product',
                },
                'eventproducthistory': {
                    'changed_exposure': 'exposure that was changed',
                    'product': 'product',
                },
                'expectednessassessment': {
                    'assessed_by': 'recorded by',
                    'product': 'product',
                    'reference': 'reference safety information',
                },
                'expectednessassessmenthistory': {
                    'assessed_by': 'recorded by',
                    'product': 'product',
                    'reference': 'reference safety information',
                },
            },
        )
    ]
