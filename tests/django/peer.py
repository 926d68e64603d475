#!/usr/bin/env python3
"""Asks a real Django one thing and prints its answer as one line of JSON.

    DATABASE_URL=sqlite:////absolute/path SECRET_KEY=... python peer.py COMMAND [--option value ...]

Exit code 0: the answer is on standard output. Anything else: the reason is on standard error.
`python peer.py serve --port 8001` runs the pages of urls.py instead, until it is killed.
"""

import argparse
import json
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))


def migrate(args):
    from django.core.management import call_command

    call_command("migrate", verbosity=0, interactive=False)
    return {"migrated": True}


def adopt(args):
    """Notes that tables which somebody else made are there, as docs/src/how-to/own-user.md says."""
    from django.core.management import call_command

    for app in ["people", "account", "usersessions", "authtoken"]:
        call_command("migrate", app, fake=True, verbosity=0, interactive=False)
    return {"adopted": True}


def make_user(args):
    from allauth.account.models import EmailAddress
    from django.contrib.auth import get_user_model

    model = get_user_model()
    named = {} if model.USERNAME_FIELD == "email" else {"username": args.username}
    user = model(email=args.email, is_active=not args.inactive, **named)
    if args.encoded is not None:
        user.password = args.encoded
    else:
        user.set_password(args.password)
    user.save()
    if args.email:
        EmailAddress.objects.create(user=user, email=args.email, verified=args.verified, primary=True)
    return _user(user)


def find(args):
    from django.contrib.auth import get_user_model

    return _user(get_user_model().objects.get(email=args.email))


def show_user(args):
    return _user(_find(args.user))


def session_create(args):
    from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
    from django.contrib.sessions.backends.db import SessionStore

    session = SessionStore()
    if args.user is not None:
        user = _find(args.user)
        session[SESSION_KEY] = str(user.pk)
        session[BACKEND_SESSION_KEY] = "django.contrib.auth.backends.ModelBackend"
        session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    session.update(json.loads(args.data))
    session.save()
    return {"key": session.session_key}


def session_read(args):
    """What a request with this cookie sees. `user` is null unless the user, the backend and the hash all hold."""
    from django.contrib.auth import get_user
    from django.contrib.sessions.backends.db import SessionStore
    from django.http import HttpRequest

    store = SessionStore(session_key=args.key)
    exists = store.exists(args.key)
    data = dict(store.items())
    request = HttpRequest()
    request.session = SessionStore(session_key=args.key)
    user = get_user(request)
    return {"exists": exists, "data": data, "user": user.pk if user.is_authenticated else None}


def check_password(args):
    """Against a given encoded hash, or the user's own."""
    from django.contrib.auth.hashers import check_password as check

    encoded = args.encoded if args.encoded is not None else _find(args.user).password
    return {"correct": check(args.password, encoded)}


def login(args):
    """Tries a password as a sign-in form would; Django then rewrites a hash it finds outdated."""
    from django.contrib.auth import authenticate

    user = authenticate(None, username=args.username, password=args.password)
    return {"user": None if user is None else user.pk, "encoded": None if user is None else user.password}


def make_password(args):
    from django.contrib.auth.hashers import make_password as make

    return {"encoded": make(args.password, hasher=args.hasher)}


def must_update(args):
    """Whether Django would rewrite this hash at the next sign-in."""
    from django.contrib.auth.hashers import get_hasher, identify_hasher

    hasher = identify_hasher(args.encoded)
    preferred = get_hasher("default")
    return {"must_update": hasher.algorithm != preferred.algorithm or preferred.must_update(args.encoded)}


def make_token(args):
    from django.contrib.auth.tokens import default_token_generator
    from django.utils.encoding import force_bytes
    from django.utils.http import urlsafe_base64_encode

    user = _find(args.user)
    return {
        "uidb64": urlsafe_base64_encode(force_bytes(user.pk)),
        "token": default_token_generator.make_token(user),
    }


def check_token(args):
    from django.contrib.auth.tokens import default_token_generator

    return {"valid": default_token_generator.check_token(_find(args.user), args.token)}


def sign(args):
    from django.core.signing import dumps

    return {"signed": dumps(json.loads(args.value), salt=args.salt, compress=args.compress)}


def unsign(args):
    from django.core.signing import BadSignature, loads

    try:
        return {"valid": True, "value": loads(args.signed, salt=args.salt, max_age=args.max_age)}
    except BadSignature as refusal:
        return {"valid": False, "why": type(refusal).__name__}


def permissions(args):
    """Of every user: which of these names they have, all that they have, their groups."""
    from django.contrib.auth import get_user_model

    return {
        str(user.pk): {
            "has": {name: user.has_perm(name) for name in args.names.split(",")},
            "module": user.has_module_perms("reports"),
            "all": sorted(user.get_all_permissions()),
            "groups": sorted(user.groups.values_list("name", flat=True)),
        }
        for user in get_user_model().objects.all()
    }


def sesame_make(args):
    from sesame.utils import get_token

    return {"token": get_token(_find(args.user), scope=args.scope)}


def sesame_open(args):
    """Whom a view behind django-sesame's decorator sees at this URL."""
    from django.core.exceptions import PermissionDenied
    from django.test import RequestFactory
    from sesame.decorators import authenticate

    view = authenticate(scope=args.scope)(lambda request: request.user)
    try:
        return {"user": view(RequestFactory().get(args.url)).pk}
    except PermissionDenied:
        return {"user": None}


def jwt_keys(args):
    """Fresh key pairs in PEM, by the kind of key."""
    from cryptography.hazmat.primitives import serialization as pem
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

    private = {
        "RSA": rsa.generate_private_key(public_exponent=65537, key_size=2048),
        "P-256": ec.generate_private_key(ec.SECP256R1()),
        "P-384": ec.generate_private_key(ec.SECP384R1()),
        "Ed25519": ed25519.Ed25519PrivateKey.generate(),
    }

    def both(key):
        own = key.private_bytes(pem.Encoding.PEM, pem.PrivateFormat.PKCS8, pem.NoEncryption())
        public = key.public_key().public_bytes(pem.Encoding.PEM, pem.PublicFormat.SubjectPublicKeyInfo)
        return [own.decode(), public.decode()]

    return {kind: both(key) for kind, key in private.items()}


def jwt_backends(args):
    """For each case: what simplejwt makes of its payload, and whether it takes its token."""
    from rest_framework_simplejwt.backends import TokenBackend

    def one(case):
        names = ("algorithm", "signing_key", "verifying_key", "audience", "issuer", "leeway")
        backend = TokenBackend(**{name: case[name] for name in names if name in case})
        try:
            claims, why = backend.decode(case["token"]), None
        except Exception as refusal:
            claims, why = None, type(refusal).__name__
        return {"claims": claims, "why": why, "token": backend.encode(case["payload"])}

    return [one(case) for case in json.loads(args.cases)]


def jwt_user(args):
    """Whom simplejwt sees behind an access token, why it takes a refresh token or not, and a pair of its own."""
    from rest_framework_simplejwt.authentication import JWTAuthentication
    from rest_framework_simplejwt.exceptions import TokenError
    from rest_framework_simplejwt.settings import api_settings
    from rest_framework_simplejwt.tokens import RefreshToken

    answer = {"user": None, "why": None, "refresh_user": None}
    try:
        reader = JWTAuthentication()
        answer["user"] = reader.get_user(reader.get_validated_token(args.access.encode())).pk
    except Exception as refusal:
        answer["why"] = getattr(refusal, "default_code", "") + str(getattr(refusal, "detail", refusal))
    try:
        answer["refresh_user"] = RefreshToken(args.refresh)[api_settings.USER_ID_CLAIM]
    except TokenError:
        pass
    pair = RefreshToken.for_user(_find(args.user))
    return {**answer, "refresh": str(pair), "access": str(pair.access_token)}


def serve(args):
    """Runs the pages until it is killed; prints the port first."""
    from wsgiref.simple_server import WSGIRequestHandler, make_server

    from django.core.wsgi import get_wsgi_application

    class Quiet(WSGIRequestHandler):
        def log_message(self, *_):
            pass

    server = make_server("127.0.0.1", args.port, get_wsgi_application(), handler_class=Quiet)
    print(json.dumps({"port": server.server_port}), flush=True)
    server.serve_forever()


def _find(pk):
    from django.contrib.auth import get_user_model

    user = get_user_model().objects.filter(pk=pk).first()
    if user is None:
        raise SystemExit(f"no user {pk}")
    return user


def _user(user):
    return {
        "id": user.pk,
        "username": user.get_username(),
        "email": user.email,
        "password": user.password,
        "is_active": user.is_active,
        "last_login": user.last_login.isoformat() if user.last_login else None,
    }


def _parser():
    parser = argparse.ArgumentParser(description="Asks a real Django one thing; the answer is JSON.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def command(name, run):
        one = commands.add_parser(name, help=run.__doc__)
        one.set_defaults(run=run)
        return one

    command("migrate", migrate)
    one = command("make-user", make_user)
    one.add_argument("--username", required=True)
    one.add_argument("--email", default="")
    one.add_argument("--password", default=None, help="without one: unusable")
    one.add_argument("--encoded", default=None, help="the password column as it is to be")
    one.add_argument("--inactive", action="store_true")
    one.add_argument("--verified", action="store_true", help="the address counts as verified")
    command("adopt", adopt)
    one = command("find", find)
    one.add_argument("--email", required=True)
    one = command("show-user", show_user)
    one.add_argument("--user", required=True)
    one = command("session-create", session_create)
    one.add_argument("--user", default=None)
    one.add_argument("--data", default="{}", help="more to put in, a JSON object")
    one = command("session-read", session_read)
    one.add_argument("--key", required=True)
    one = command("check-password", check_password)
    one.add_argument("--password", required=True)
    which = one.add_mutually_exclusive_group(required=True)
    which.add_argument("--encoded", default=None)
    which.add_argument("--user", default=None)
    one = command("login", login)
    one.add_argument("--username", required=True)
    one.add_argument("--password", required=True)
    one = command("make-password", make_password)
    one.add_argument("--password", required=True)
    one.add_argument("--hasher", default="default")
    one = command("must-update", must_update)
    one.add_argument("--encoded", required=True)
    one = command("make-token", make_token)
    one.add_argument("--user", required=True)
    one = command("check-token", check_token)
    one.add_argument("--user", required=True)
    one.add_argument("--token", required=True)
    one = command("sign", sign)
    one.add_argument("--value", required=True, help="JSON")
    one.add_argument("--salt", default="django.core.signing")
    one.add_argument("--compress", action="store_true")
    one = command("unsign", unsign)
    one.add_argument("--signed", required=True)
    one.add_argument("--salt", default="django.core.signing")
    one.add_argument("--max-age", type=int, default=None)
    one = command("permissions", permissions)
    one.add_argument("--names", required=True, help="app_label.codename, with commas between")
    one = command("sesame-make", sesame_make)
    one.add_argument("--user", type=int, required=True)
    one.add_argument("--scope", default="")
    one = command("sesame-open", sesame_open)
    one.add_argument("--url", required=True)
    one.add_argument("--scope", default="")
    command("jwt-keys", jwt_keys)
    one = command("jwt-backends", jwt_backends)
    one.add_argument("--cases", required=True, help="a JSON list of what TokenBackend takes, with payload and token")
    one = command("jwt-user", jwt_user)
    one.add_argument("--user", required=True, help="whose pair is made")
    one.add_argument("--access", required=True)
    one.add_argument("--refresh", required=True)
    one = command("serve", serve)
    one.add_argument("--port", type=int, default=0, help="0: any free one; it is printed")
    return parser


def main():
    args = _parser().parse_args()
    sys.path.insert(0, HERE)
    os.environ["DJANGO_SETTINGS_MODULE"] = "settings"
    import django

    django.setup()
    answer = args.run(args)
    json.dump(answer, sys.stdout, default=str)
    print()


if __name__ == "__main__":
    main()
