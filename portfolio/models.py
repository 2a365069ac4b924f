"""Every table of the site's database, for Django: the storefront's, the owner's and the pages'."""

from __future__ import annotations

from articles.owner.models import CaseStudy, Link, Page, Profile, SeedImport
from cluster.storefront.contact.models import ContactMessage
from cluster.storefront.models import (
    Admission,
    Audience,
    CheckoutRequest,
    ErasureRequest,
    JournalEntry,
    OwnProduct,
    Product,
    RefundRequest,
    RevokedToken,
    TokenRequest,
)
from portfolio.admin_site.recovery_codes import RecoveryCodes
from portfolio.api.models import IdempotencyKey
from portfolio.demos.models import DemoRun, DemoScratch

__all__ = [
    "Admission",
    "Audience",
    "CaseStudy",
    "CheckoutRequest",
    "ContactMessage",
    "DemoRun",
    "DemoScratch",
    "ErasureRequest",
    "IdempotencyKey",
    "JournalEntry",
    "Link",
    "OwnProduct",
    "Page",
    "Product",
    "Profile",
    "RecoveryCodes",
    "RefundRequest",
    "RevokedToken",
    "SeedImport",
    "TokenRequest",
]
