#!/usr/bin/env python3
"""Makes and reads tokens with a real django-sesame: cases as JSON on standard input, answers on standard output.

A case has `settings`, `user`, `scope` and `now`, from which a token is made, and `probes`: tokens to be read, each with
the scope, the time and the age that the page asks for. Its answer is the `token`, and in `taken` a truth value a probe.
No database: the user of the case is the only one there is.

Exit code 0: every case was answered. Anything else: the reason is on standard error.
"""

import datetime
import hashlib
import json
import sys
import uuid
from unittest import mock

import django
from django.conf import settings

settings.configure(
    SECRET_KEY="of the first moment",
    INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes"],
    # What a mistake in a token is told to is nobody here.
    LOGGING={"version": 1, "loggers": {"sesame": {"handlers": [], "level": "CRITICAL"}}},
)
django.setup()

import sesame.packers  # noqa: E402  (needs the settings)
import sesame.settings  # noqa: E402
import sesame.tokens  # noqa: E402
import sesame.tokens_v1  # noqa: E402
from django.contrib.auth.models import User  # noqa: E402

EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)


def adopt(given):
    """Sets all settings, and reads anew what was derived from others."""
    for name, value in given.items():
        if name == "SESAME_DIGEST":
            value = getattr(hashlib, value)
        setattr(settings, name, value)
    sesame.settings.load()
    sesame.settings.check()
    sesame.packers.packer = sesame.packers.get_packer()
    sesame.tokens_v1.signer = sesame.tokens_v1.get_signer()
    sesame.tokens_v1.token_re = sesame.tokens_v1.get_token_re()


def find_key(given):
    ((kind, value),) = given.items()
    read = {"int": int, "uuid": uuid.UUID, "bytes": bytes.fromhex, "str": str}
    return read[kind](value)


def find_user(given):
    user = User(password=given["password"], email=given["email"])
    setattr(user, settings.SESAME_PRIMARY_KEY_FIELD, find_key(given["pk"]))
    if given["last_login"] is not None:
        user.last_login = EPOCH + datetime.timedelta(microseconds=given["last_login"])
    return user


def is_taken(user, probe):
    def get_user(key):
        return user if key == getattr(user, settings.SESAME_PRIMARY_KEY_FIELD) else None

    with mock.patch("time.time", return_value=probe["now"]):
        try:
            found = sesame.tokens.parse_token(probe["token"], get_user, probe["scope"], probe["max_age"])
        except NotImplementedError:
            # Version 1 with a scope or an age: a page answers with a server error.
            return False
    return found is not None


def answer(case):
    adopt(case["settings"])
    user = find_user(case["user"])
    with mock.patch("time.time", return_value=case["now"]):
        token = sesame.tokens.create_token(user, case["scope"])
    return {"token": token, "taken": [is_taken(user, probe) for probe in case["probes"]]}


if __name__ == "__main__":
    json.dump([answer(case) for case in json.load(sys.stdin)], sys.stdout)
