"""The form that starts a checkout."""

from __future__ import annotations

from typing import Final

from django import forms

from cluster.storefront.checkout_intake import MAX_QUANTITY, Outcome

# The other outcomes follow from the product that is chosen.
OUTCOMES: Final = (
    (Outcome.SUCCESS.value, "pay with a good card"),
    (Outcome.DECLINED.value, "pay with a card that is declined"),
    (Outcome.PROVIDER_SILENT.value, "pay, and the provider never answers"),
    (Outcome.LATE_SUCCESS.value, "pay, and the provider answers too late"),
)


class CheckoutForm(forms.Form):
    """The fields of a checkout. `accept_checkouts` checks that the product exists."""

    sku = forms.CharField(max_length=100, error_messages={"required": "Choose a product."})
    quantity = forms.IntegerField(
        min_value=1,
        max_value=MAX_QUANTITY,
        required=False,
        error_messages={
            "invalid": "The quantity must be a whole number.",
            "min_value": f"The quantity must be between 1 and {MAX_QUANTITY}.",
            "max_value": f"The quantity must be between 1 and {MAX_QUANTITY}.",
        },
    )
    outcome = forms.ChoiceField(
        choices=OUTCOMES,
        error_messages={
            "required": "Choose an outcome.",
            "invalid_choice": "There is no such outcome.",
        },
    )

    def sentence(self) -> str:
        """Return all errors in plain sentences."""
        return " ".join(str(message) for errors in self.errors.values() for message in errors)
