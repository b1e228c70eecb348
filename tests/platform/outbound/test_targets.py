"""Tricks with URLs: what is called is what was judged, and what is not plain is not called."""

from ipaddress import ip_address

import pytest

from portal.platform.outbound import AddressRefused, Policy, judge
from portal.platform.outbound.addresses import is_private, is_public

SERVICES = (
    "fcm.googleapis.com",
    "updates.push.services.mozilla.com",
    "web.push.apple.com",
    "*.notify.windows.com",
)
PUSH = Policy(SERVICES)
DEVELOPMENT = Policy((*SERVICES, "127.0.0.1", "localhost", "::1"), loopback=True)
ANYWHERE = Policy()
OWN_NETWORK = Policy(private=True)
HERE = Policy(loopback=True)

GOOD = "fcm.googleapis.com"
TRICKS = [
    # Two readers, two hosts.
    f"https://evil.example\\@{GOOD}/x",
    f"https://evil.example\\@{GOOD}:443/x",
    f"https://evil.example\\.{GOOD}/x",
    f"https:\\\\{GOOD}/x",
    f"https:/\\{GOOD}/x",
    f"https://{GOOD}@evil.example/x",
    f"https://user@{GOOD}/x",
    f"https://user:password@{GOOD}/x",
    f"https://@{GOOD}/x",
    f"https://evil.example#@{GOOD}/x",
    f"https://evil.example?@{GOOD}/x",
    f"https://evil.example%23@{GOOD}/x",
    f"https://evil.example%2f@{GOOD}/x",
    f"https://{GOOD}%2eevil.example/x",
    f"https://{GOOD}%00.evil.example/x",
    f"https://{GOOD}\x00.evil.example/x",
    f"https://{GOOD}/x@evil.example",
    f"https://{GOOD}/x#part",
    f"https:///{GOOD}/x",
    f"https:{GOOD}/x",
    f"//{GOOD}/x",
    f"{GOOD}/x",
    # White space and what is not ASCII.
    f" https://{GOOD}/x",
    f"https://{GOOD}/x\n",
    f"https://{GOOD}/\r\nHost: evil.example",
    f"https://{GOOD} /x",
    f"https://{GOOD}\t/x",
    f"https://{GOOD}/a b",
    f"https://{GOOD}\u2028/x",
    "https://fcm。googleapis。com/x",
    "https://fcm．googleapis．com/x",
    "https://ｆｃｍ.googleapis.com/x",
    "https://fcm.googleapıs.com/x",
    "https://\u212a.notify.windows.com/x",  # the sign for Kelvin: a k in lower case
    "https://fcm.googleapi\u017f.com/x",  # a long s: an S in upper case
    "https://fcm\u00ad.googleapis.com/x",
    "https://xn--fcm-googleapis-com.example/x",
    f"https://{GOOD}/\u00e9",
    # Schemes and ports.
    f"http://{GOOD}/x",
    f"ftp://{GOOD}/x",
    f"file://{GOOD}/etc/passwd",
    f"javascript://{GOOD}/%0aalert(1)",
    f"https://{GOOD}:443/x",
    f"https://{GOOD}:80/x",
    f"https://{GOOD}:8443/x",
    f"https://{GOOD}:0/x",
    f"https://{GOOD}:65536/x",
    f"https://{GOOD}:/x",
    f"https://{GOOD}:+443/x",
    f"https://{GOOD}:４４３/x",
    # Hosts that look alike.
    f"https://evil{GOOD}/x",
    f"https://{GOOD}.evil.example/x",
    f"https://{GOOD}./x",
    f"https://.{GOOD}/x",
    "https://fcm..googleapis.com/x",
    "https://wns2.notify.windows.com./x",
    "https://wns2%2enotify.windows.com/x",
    "https://\u2488.notify.windows.com/x",
    "https://wns2\uff61notify.windows.com/x",
    "https://ip6-localhost/x",
    "https://localhost.localdomain/x",
    "https://googleapis.com/x",
    "https://storage.googleapis.com/x",
    "https://a.fcm.googleapis.com/x",
    "https://notify.windows.com/x",
    "https://a.b.notify.windows.com/x",
    "https://.notify.windows.com/x",
    "https://*.notify.windows.com/x",
    "https://evilnotify.windows.com/x",
    # Addresses in every spelling.
    "https://127.0.0.1/x",
    "https://127.1/x",
    "https://2130706433/x",
    "https://0x7f000001/x",
    "https://0x7f.0.0.1/x",
    "https://0177.0.0.1/x",
    "https://017700000001/x",
    "https://127.0.0.1./x",
    "https://[::1]/x",
    "https://[::ffff:127.0.0.1]/x",
    "https://[::ffff:7f00:1]/x",
    "https://[0:0:0:0:0:ffff:7f00:1]/x",
    "https://[::ffff:0:127.0.0.1]/x",
    "https://[::127.0.0.1]/x",
    "https://[64:ff9b::7f00:1]/x",
    "https://[2002:7f00:1::]/x",
    "https://[fec0::1]/x",
    "https://[127.0.0.1]/x",
    "https://0x7f.1/x",
    "https://127.0.0.0x1/x",
    "https://0300.0250.1/x",
    "https://4294967297/x",
    "https://127.0.0.1.nip.io/x",
    "https://①②⑦.⓪.⓪.①/x",
    "https://[fe80::1%25eth0]/x",
    "https://[fe80::1%eth0]/x",
    "https://[::]/x",
    "https://0.0.0.0/x",
    "https://0/x",
    "https://169.254.169.254/latest/meta-data",
    "https://8.8.8.8/x",
    "https://[2606:4700:4700::1111]/x",
    "https://localhost/x",
    "http://localhost:8000/x",
    # None at all.
    "",
    "https://",
    "https:// /",
    "https://-fcm.googleapis.com/x",
    f"https://{GOOD}/" + "x" * 2048,
    "https://" + "a" * 64 + ".notify.windows.com/x",
]


@pytest.mark.parametrize("url", TRICKS)
def test_a_trick_is_no_push_service(url: str) -> None:
    with pytest.raises(AddressRefused):
        judge(url, PUSH)


@pytest.mark.parametrize(
    "url", [trick for trick in TRICKS if "//127.0.0.1/" not in trick and "//localhost" not in trick]
)
def test_a_trick_stays_one_where_this_machine_may_be_called(url: str) -> None:
    if url == "https://[::1]/x":
        return
    with pytest.raises(AddressRefused):
        judge(url, DEVELOPMENT)


@pytest.mark.parametrize(
    "url",
    [
        f"https://{GOOD}/fcm/send/dXNlcg:APA91bH-_x",
        "https://updates.push.services.mozilla.com/wpush/v2/gAAAAA==",
        "https://web.push.apple.com/QGu",
        "https://wns2-by3p.notify.windows.com/w/?token=BQYAAAD%2b%2f",
    ],
)
def test_what_browsers_give_is_called_as_it_is(url: str) -> None:
    assert judge(url, PUSH).url == url


def test_a_host_in_capitals_is_the_same_host() -> None:
    assert judge("HTTPS://FCM.GoogleAPIs.com/Path", PUSH).url == "https://fcm.googleapis.com/Path"


@pytest.mark.parametrize("url", ["http://127.0.0.1:8001/x", "http://localhost:8001/x", "https://[::1]:8001/x"])
def test_this_machine_is_called_in_development_where_it_is_listed(url: str) -> None:
    assert judge(url, DEVELOPMENT).url == url
    for policy in (PUSH, Policy(DEVELOPMENT.hosts), ANYWHERE, Policy(SERVICES, loopback=True)):
        with pytest.raises(AddressRefused):
            judge(url, policy)


@pytest.mark.parametrize(
    "url",
    [
        "http://0.0.0.0:8001/x",
        "http://[::]:8001/x",
        "http://[::ffff:127.0.0.1]:8001/x",
        "http://0:8001/x",
        "http://127.1:8001/x",
        "http://10.0.0.1/x",
        "http://example.com/x",
        "http://localhost.example/x",
    ],
)
def test_nothing_else_is_this_machine(url: str) -> None:
    with pytest.raises(AddressRefused):
        judge(url, HERE)


@pytest.mark.parametrize(
    "url", ["https://hooks.example.com/x?y=1", "https://hooks.example.com:8443/", "https://8.8.8.8/"]
)
def test_a_webhook_goes_to_any_public_place(url: str) -> None:
    assert judge(url, ANYWHERE).host in url


CLOSED = [
    "0.0.0.0",
    "10.0.0.1",
    "100.64.0.1",
    "127.0.0.1",
    "127.255.255.254",
    "169.254.169.254",
    "172.16.0.1",
    "192.0.0.1",
    "192.0.2.1",
    "192.88.99.1",
    "192.168.1.1",
    "198.18.0.1",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::7f00:1",
    "::ffff:127.0.0.1",
    "::ffff:8.8.8.8",
    "64:ff9b::7f00:1",
    "64:ff9b:1::1",
    "100::1",
    "2001::1",
    "2001:db8::1",
    "2002:7f00:1::",
    "3fff::1",
    "fc00::1",
    "fd00:ec2::254",
    "fe80::1",
    "fec0::1",
    "ff02::1",
]


@pytest.mark.parametrize("address", CLOSED)
def test_no_address_of_another_kind_is_public(address: str) -> None:
    assert not is_public(ip_address(address))
    with pytest.raises(AddressRefused):
        judge(f"https://[{address}]/" if ":" in address else f"https://{address}/", ANYWHERE)


@pytest.mark.parametrize("address", ["8.8.8.8", "93.184.216.34", "2606:4700:4700::1111", "2a00:1450:4001::1"])
def test_addresses_of_the_internet_are_public(address: str) -> None:
    assert is_public(ip_address(address))


def test_own_networks_are_called_only_when_allowed_and_no_broadcast_ever() -> None:
    assert judge("https://10.0.0.1/x", OWN_NETWORK).host == "10.0.0.1"
    assert judge("https://[fd00::1]:8443/x", OWN_NETWORK).host == "fd00::1"
    for never in ("0.0.0.0", "::", "255.255.255.255", "224.0.0.1", "ff02::1", "::ffff:10.0.0.1", "64:ff9b::a00:1"):
        assert not is_private(ip_address(never))
