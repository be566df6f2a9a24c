"""The forms of the programme's app."""

from __future__ import annotations

from webapp.demo.xform import Kind

APP_ID = "5c1e8a7d40f94b0f9d3a2b6c7e81f024"


def _kind(name: str, letters: str, least: int, most: int) -> Kind:
    xmlns = f"http://openrosa.org/formdesigner/{letters}-3F40-4C1D-9B52-7E6D08A1C9B4"
    return Kind(name, xmlns, (least, most))


REGISTER_HOUSEHOLD = _kind("Register household", "0A7C11E2", 9, 22)
VISIT_HOUSEHOLD = _kind("Household visit", "1B93D4F0", 4, 12)
REGISTER_PREGNANCY = _kind("Register pregnancy", "2C4E6A18", 8, 18)
ANC_VISIT = _kind("ANC home visit", "3D0F58B7", 6, 15)
DELIVERY = _kind("Delivery", "4E71C2A9", 5, 12)
PNC_VISIT = _kind("PNC home visit", "5F2A9D36", 5, 13)
FOLLOW_UP = _kind("Referral follow-up", "60B8E47C", 2, 6)
END = _kind("End of pregnancy", "71D50A8E", 3, 8)


def app_version(days: int) -> int:
    """The version of the app so many days after the programme began: a new one every two months,
    which phones get over some weeks."""
    return 31 + days // 61
