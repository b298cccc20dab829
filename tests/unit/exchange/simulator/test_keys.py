"""Signatures and time windows, held against Binance's published examples."""

from __future__ import annotations

import pickle

import pytest

from cryptobot.exchange.simulator.answers import ApiError
from cryptobot.exchange.simulator.keys import Keys, Window, payload_of, signature

# The example keys of the documentation ("SIGNED Endpoint Examples", HMAC).
API_KEY = "vmPUZE6mv9SD5VNHk4HlWFsOr6aKE2zvsw0MuIgwCIPy6utIco14y7Ju91duEh8A"
SECRET = "NhqPtmdSJYdKjVHjA7PZj4Mge3R5YNiP1e3UZjInClVN65XAbvqqM6A7H5fATj0j"
PLAIN = "symbol=LTCBTC&side=BUY&type=LIMIT&timeInForce=GTC&quantity=1&price=0.1&recvWindow=5000&timestamp=1499827319559"
ENCODED = PLAIN.replace("LTCBTC", "%EF%BC%91%EF%BC%92%EF%BC%93%EF%BC%94%EF%BC%95%EF%BC%96")
PUBLISHED = {
    PLAIN: "c8db56825ae71d6d79447849e617115f4a920fa2acdcab2b053c4b2838bd6b71",
    ENCODED: "e1353ec6b14d888f1164ae9af8228a3dbd508bc82eb867db8ab6046442f33ef3",
}
KEYS = Keys(API_KEY, SECRET)


def code_of(work, *arguments):
    with pytest.raises(ApiError) as caught:
        work(*arguments)
    return caught.value.code


@pytest.mark.parametrize("payload", PUBLISHED)
def test_the_published_signatures_come_out(payload):
    assert signature(SECRET, payload) == PUBLISHED[payload]


@pytest.mark.parametrize("payload", PUBLISHED)
def test_published_requests_are_accepted_wherever_their_parameters_are(payload):
    signed = f"&signature={PUBLISHED[payload]}"
    KEYS.check_rest(API_KEY, payload + signed, "")
    KEYS.check_rest(API_KEY, "", payload + signed)
    KEYS.check_rest(API_KEY, "", payload + signed.upper().replace("SIGNATURE", "signature"))
    first, _, second = payload.partition("&timeInForce")
    # Query and body are signed one after the other, without anything between them.
    split = signature(SECRET, first + "timeInForce" + second)
    KEYS.check_rest(API_KEY, first, "timeInForce" + second + f"&signature={split}")
    KEYS.check_rest(API_KEY, f"signature={PUBLISHED[payload]}&{payload}", "")


SOCKET_REQUESTS = [
    (
        {"symbol": "BTCUSDT", "side": "SELL", "quantity": "0.01000000", "price": "52000.00", "recvWindow": 100},
        "aa1b5712c094bc4e57c05a1a5c1fd8d88dcd628338ea863fec7b88e59fe2db24",
    ),
    (
        {"symbol": "１２３４５６", "side": "BUY", "quantity": "1.00000000", "price": "0.10000000", "recvWindow": 5000},
        "b33892ae8e687c939f4468c6268ddd4c40ac1af18ad19a064864c47bae0752cd",
    ),
]


@pytest.mark.parametrize(("params", "published"), SOCKET_REQUESTS)
def test_the_published_requests_of_the_websocket_api_are_accepted(params, published):
    whole = {"type": "LIMIT", "timeInForce": "GTC", "timestamp": 1645423376532, "apiKey": API_KEY, **params}
    KEYS.check_socket({**whole, "signature": published})
    assert code_of(KEYS.check_socket, {**whole, "price": "52000.01", "signature": published}) == -1022
    assert code_of(KEYS.check_socket, whole) == -1102
    assert code_of(KEYS.check_socket, {**whole, "apiKey": "another", "signature": published}) == -2015
    del whole["apiKey"]
    assert code_of(KEYS.check_socket, {**whole, "signature": published}) == -1102


def test_true_and_false_are_signed_as_json_writes_them():
    assert payload_of({"b": True, "a": 1, "signature": "x"}) == "a=1&b=true"


@pytest.mark.parametrize(
    ("key", "query", "code"),
    [
        (None, PLAIN, -2014),
        ("", PLAIN, -2014),
        ("not a key!", PLAIN, -2014),
        ("another", PLAIN, -2015),
        (API_KEY, PLAIN, -1102),
        (API_KEY, PLAIN + "&signature=" + PUBLISHED[ENCODED], -1022),
        (API_KEY, PLAIN + "0&signature=" + PUBLISHED[PLAIN], -1022),
        (API_KEY, PLAIN + "&signature=é", -1022),
    ],
)
def test_requests_that_the_owner_did_not_sign_are_refused(key, query, code):
    assert code_of(KEYS.check_rest, key, query, "") == code


def test_a_request_lives_from_one_second_before_its_time_until_its_window_ends():
    window = Window.of({"timestamp": "10000", "recvWindow": "500"})
    window.check(9_000.5)
    window.check(10_500)
    assert code_of(window.check, 9_000) == -1021
    assert code_of(window.check, 10_501) == -1021
    assert code_of(window.check_age, 10_501) == -1021
    assert Window.of({"timestamp": "10000"}).length == 5000
    assert Window.of({"timestamp": "1700000000000123"}).timestamp == 1_700_000_000_000.123  # microseconds


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({}, -1102),
        ({"timestamp": "soon"}, -1100),
        ({"timestamp": "1", "recvWindow": "x"}, -1100),
        ({"timestamp": "1", "recvWindow": "1.2345"}, -1100),
        ({"timestamp": "1", "recvWindow": "60001"}, -1131),
    ],
)
def test_a_window_that_makes_no_sense_is_refused(params, code):
    assert code_of(Window.of, params) == code


def test_the_secret_is_neither_shown_nor_pickled():
    keys = Keys("open", "hush")
    assert "hush" not in repr(keys)
    with pytest.raises(TypeError, match="secret"):
        pickle.dumps(keys)
    assert Keys().secret != Keys().secret
