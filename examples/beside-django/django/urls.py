"""Django's pages. Who may see them is asked of Django, as ever; who somebody is was proved at Hallpass."""

from django.conf import settings
from django.contrib import admin
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.urls import path
from django.utils.html import format_html

PAGE = """<!doctype html>
<html lang="en">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Django's pages</title>
<h1>{}</h1>
<p><a href="/">Home</a> <a href="/notes/">Your notes</a> <a href="/admin/">Admin</a>
<a href="{}/">The other app</a> <a href="{}/accounts/logout/">Sign out</a></p>
</html>
"""


def page(text):
    return HttpResponse(format_html(PAGE, text, settings.HALLPASS, settings.HALLPASS))


def home(request):
    return page(f"Hello {request.user.get_username() or 'whoever you are'}")


@login_required
def notes(request):
    """Counts in the session, which the other app reads as well."""
    request.session["visits"] = request.session.get("visits", 0) + 1
    return page(f"Notes of {request.user.get_username()}")


# The admin has a sign-in form of its own: whoever is nobody yet goes to Hallpass instead.
admin.site.login = login_required(admin.site.login)

urlpatterns = [
    path("", home),
    path("notes/", notes),
    path("admin/", admin.site.urls),
]
