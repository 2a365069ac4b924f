"""The contact messages that visitors have written to the owner."""

from __future__ import annotations

import enum

from django.db import models

from cluster.storefront.models import APP


class MessageState(enum.StrEnum):
    """The state of a contact message."""

    NEW = "new"
    READ = "read"
    ANSWERED = "answered"
    SPAM = "spam"  # by the owner's judgement, or because the trap in the form was filled in


class ContactMessage(models.Model):
    """One contact message, with the `id` that was signed into the form.

    So sending the form twice keeps it once. `remote` is a keyed hash of the sender's address: it
    distinguishes senders for the limits and does not lead back to them. `mail_due_at` is when the
    next attempt to mail it may begin. It is kept whether or not mail is configured.
    """

    id = models.UUIDField(primary_key=True)
    name = models.TextField()
    email = models.TextField()
    subject = models.TextField(default="")
    message = models.TextField()
    received_at = models.DateTimeField()
    remote = models.TextField()
    state = models.TextField(
        default=MessageState.NEW,
        choices=[(state.value, state.value) for state in MessageState],
    )
    mailed_at = models.DateTimeField(null=True)
    mail_due_at = models.DateTimeField(null=True)
    mail_attempts = models.IntegerField(default=0)
    mail_error = models.TextField(default="")

    class Meta:
        app_label = APP
        db_table = "contact_message"
        ordering = ("-received_at",)
        verbose_name = "message"
        indexes = [
            models.Index(fields=["received_at"], name="contact_message_received"),
            models.Index(fields=["remote", "received_at"], name="contact_message_remote"),
            models.Index(
                fields=["mail_due_at"],
                name="contact_message_unmailed",
                condition=models.Q(mailed_at__isnull=True),
            ),
        ]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(state__in=[state.value for state in MessageState]),
                name="contact_message_state",
            ),
        ]

    def __str__(self) -> str:
        return self.subject or f"from {self.name}"
