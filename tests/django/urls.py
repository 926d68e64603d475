"""Pages that say what this Django thinks of a cookie, a link or a password."""

from django.contrib.auth import authenticate, get_user_model, login
from django.contrib.auth.tokens import default_token_generator
from django.http import JsonResponse
from django.urls import path
from django.utils.encoding import force_bytes
from django.utils.http import urlsafe_base64_decode, urlsafe_base64_encode
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_GET, require_POST


@require_GET
def whoami(request):
    """Who the session cookie belongs to, and what the session holds."""
    return JsonResponse(
        {
            "user": request.user.pk,
            "username": request.user.get_username(),
            "is_authenticated": request.user.is_authenticated,
            "session_keys": sorted(request.session.keys()),
        }
    )


@require_GET
def make_link(request, pk):
    """A sign-in link for the user, as a path: Django's reset token behind the address that Hallpass serves."""
    user = get_user_model().objects.filter(pk=pk).first()
    if user is None:
        return JsonResponse({"error": "no such user"}, status=404)
    uid = urlsafe_base64_encode(force_bytes(user.pk))
    token = default_token_generator.make_token(user)
    return JsonResponse({"uidb64": uid, "token": token, "path": f"/accounts/login/link/{uid}/{token}/"})


@require_GET
def login_link(request, uidb64, token):
    """Signs in by such a link. On GET, as many Django apps do: what Hallpass does differently is not tested here."""
    try:
        pk = int(urlsafe_base64_decode(uidb64))
    except ValueError:
        pk = None
    user = get_user_model().objects.filter(pk=pk, is_active=True).first()
    if user is None or not default_token_generator.check_token(user, token):
        return JsonResponse({"error": "invalid link"}, status=403)
    login(request, user, backend="django.contrib.auth.backends.ModelBackend")
    return whoami(request)


@csrf_exempt
@require_POST
def check_password(request):
    """Whether Django takes this name and password; signs in when it does."""
    user = authenticate(request, username=request.POST.get("username"), password=request.POST.get("password"))
    if user is None:
        return JsonResponse({"correct": False}, status=403)
    login(request, user)
    return JsonResponse({"correct": True, "user": user.pk})


urlpatterns = [
    path("whoami/", whoami),
    path("make-link/<int:pk>/", make_link),
    path("login-link/<uidb64>/<token>/", login_link),
    path("check-password/", check_password),
]
