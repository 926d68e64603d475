"""A small Django project, set by the environment: the real thing beside which Hallpass is tested.

DATABASE_URL   sqlite:///absolute/path or postgres://user:password@host:port/name
SECRET_KEY     the key both sides share
SIMPLE_JWT     settings of simplejwt that are no times, as a JSON object
SESAME         settings of django-sesame without the SESAME_ of their names, as a JSON object
OWN_USER       if it is there, people are of the model people.Person, which has a UUID and no user name
"""

import json
import os
from urllib.parse import parse_qs, unquote, urlsplit


def _database(text):
    url = urlsplit(text)
    if url.scheme == "sqlite":
        return {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": unquote(url.path[1:]),
            "OPTIONS": {"timeout": 20},
        }
    if url.scheme in ("postgres", "postgresql"):
        return {
            "ENGINE": "django.db.backends.postgresql",
            "NAME": unquote(url.path[1:]),
            "USER": unquote(url.username or ""),
            "PASSWORD": unquote(url.password or ""),
            # ?host=/folder names the folder of a socket, as libpq has it.
            "HOST": parse_qs(url.query).get("host", [url.hostname or ""])[0],
            "PORT": url.port or parse_qs(url.query).get("port", [""])[0],
        }
    raise SystemExit(f"DATABASE_URL: neither sqlite nor postgres: {text}")


DEBUG = False
SECRET_KEY = os.environ["SECRET_KEY"]
SECRET_KEY_FALLBACKS = [k for k in os.environ.get("SECRET_KEY_FALLBACKS", "").split(",") if k]
DATABASES = {"default": _database(os.environ["DATABASE_URL"])}
ALLOWED_HOSTS = ["127.0.0.1", "localhost", "testserver"]
SIMPLE_JWT = json.loads(os.environ.get("SIMPLE_JWT", "{}"))
globals().update({f"SESAME_{name}": value for name, value in json.loads(os.environ.get("SESAME", "{}")).items()})
ROOT_URLCONF = "urls"
SITE_ID = 1
USE_TZ = True
TIME_ZONE = os.environ.get("TIME_ZONE", "UTC")
# As Django 5.2 had it when auth, sites and allauth made their tables.
DEFAULT_AUTO_FIELD = "django.db.models.AutoField"

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.sites",
    "django.contrib.messages",
    "allauth",
    "allauth.account",
    "allauth.usersessions",
    "rest_framework",
    "rest_framework.authtoken",
]
if os.environ.get("OWN_USER"):
    INSTALLED_APPS.insert(0, "people")
    AUTH_USER_MODEL = "people.Person"
    ACCOUNT_USER_MODEL_USERNAME_FIELD = None
    ACCOUNT_LOGIN_METHODS = {"email"}
    ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
MIDDLEWARE = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "allauth.usersessions.middleware.UserSessionsMiddleware",
]
AUTHENTICATION_BACKENDS = [
    "django.contrib.auth.backends.ModelBackend",
    "allauth.account.auth_backends.AuthenticationBackend",
    "sesame.backends.ModelBackend",
]
# Django's own order, with the two that it ships but leaves out, so that every kind of hash can be made here.
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2SHA1PasswordHasher",
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.BCryptSHA256PasswordHasher",
    "django.contrib.auth.hashers.ScryptPasswordHasher",
    "django.contrib.auth.hashers.BCryptPasswordHasher",
    "django.contrib.auth.hashers.MD5PasswordHasher",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]
