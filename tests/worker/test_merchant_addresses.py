"""Which addresses a notice may go to, in whatever form they come."""

from __future__ import annotations

from ipaddress import ip_address

import pytest

from worker.merchant import objection

PUBLIC = "93.184.215.14"
NEVER = ["169.254.169.254", "fe80::1", "224.0.0.1", "ff02::1", "0.0.0.0", "::", "::ffff:169.254.169.254", "240.0.0.1"]
PRIVATE = [
    *("127.0.0.1", "127.8.9.1", "::1", "10.0.0.1", "172.16.0.1", "192.168.1.1", "100.64.0.1", "fd00::1"),
    *("::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::a00:1", "2002:7f00:1::"),
]
ALLOWED = [PUBLIC, "2606:2800:21f:cb07:6820:80da:af6b:8b2c", f"::ffff:{PUBLIC}", "64:ff9b::5db8:d70e"]


@pytest.mark.parametrize("address", NEVER)
@pytest.mark.parametrize("allow_private", [False, True])
def test_no_setting_lets_notices_to_addresses_that_are_no_applications(address, allow_private):
    assert objection(ip_address(address), allow_private=allow_private)


@pytest.mark.parametrize("address", PRIVATE)
def test_private_addresses_need_leave_in_whatever_form_they_come(address):
    assert objection(ip_address(address), allow_private=False)
    assert objection(ip_address(address), allow_private=True) == ""


@pytest.mark.parametrize("address", ALLOWED)
def test_public_addresses_need_none(address):
    assert objection(ip_address(address), allow_private=False) == ""
