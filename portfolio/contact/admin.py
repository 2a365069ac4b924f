"""Contact messages in the admin, to read and to mark as read, answered or spam."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from cluster.storefront.contact.models import ContactMessage, MessageState


@admin.register(ContactMessage)
class ContactMessageAdmin(admin.ModelAdmin[ContactMessage]):
    """Contact messages. The owner can change only `state`, not the visitor's words."""

    list_display = ("received_at", "state", "name", "email", "subject", "mailed")
    list_filter = ("state",)
    search_fields = ("name", "email", "subject", "message")
    actions = ("mark_read", "mark_answered", "mark_spam")
    fieldsets = (
        (None, {"fields": ("state",)}),
        ("The message", {"fields": ("received_at", "name", "email", "subject", "message")}),
        (
            "Mailing",
            {
                "fields": ("mailed_at", "mail_due_at", "mail_attempts", "mail_error"),
                "description": "The message is here whether or not it could be mailed. Mail is "
                "configured by EMAIL_URL, EMAIL_TO and EMAIL_FROM.",
            },
        ),
        (
            "The sender",
            {
                "fields": ("remote",),
                "description": "A keyed hash of the address: the same for the same sender.",
            },
        ),
    )

    def get_readonly_fields(self, _request: HttpRequest, _obj: Any = None) -> list[str]:
        fields = ContactMessage._meta.fields  # noqa: SLF001  # Django's documented way
        return [field.name for field in fields if field.name != "state"]

    def has_add_permission(self, _request: HttpRequest) -> bool:
        return False

    @admin.display(description="mailed", boolean=True)
    def mailed(self, message: ContactMessage) -> bool | None:
        """Return True when it was mailed, False after an error, None before any attempt."""
        if message.mailed_at is not None:
            return True
        return False if message.mail_error else None

    @admin.action(description="Mark as read", permissions=["change"])
    def mark_read(self, request: HttpRequest, messages: QuerySet[ContactMessage]) -> None:
        self._mark(request, messages, MessageState.READ)

    @admin.action(description="Mark as answered", permissions=["change"])
    def mark_answered(self, request: HttpRequest, messages: QuerySet[ContactMessage]) -> None:
        self._mark(request, messages, MessageState.ANSWERED)

    @admin.action(description="Mark as spam", permissions=["change"])
    def mark_spam(self, request: HttpRequest, messages: QuerySet[ContactMessage]) -> None:
        self._mark(request, messages, MessageState.SPAM)

    def _mark(
        self, request: HttpRequest, messages: QuerySet[ContactMessage], state: MessageState
    ) -> None:
        count = messages.update(state=state)
        self.message_user(request, f"{count} marked as {state}.")
