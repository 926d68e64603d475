"""People as many apps have them: a UUID, and an address instead of a user name."""

import uuid

from django.contrib.auth.models import AbstractUser
from django.db import models


class Person(AbstractUser):
    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    username = None
    last_name = None
    email = models.EmailField("address", unique=True)

    USERNAME_FIELD = "email"
    REQUIRED_FIELDS = []
