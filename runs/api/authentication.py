"""Who asks: a token or a browser's session; and whether the token's scopes allow what is asked."""

from typing import Any

from django.contrib.auth.models import User
from rest_framework import authentication, permissions
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from runs import access
from runs.errors import Forbidden
from runs.models import Token

WORKSPACE_HEADER = "Studio-Workspace"


class TokenAuthentication(authentication.BaseAuthentication):
    """`Authorization: Bearer rs_…`"""

    def authenticate(self, request: Request) -> tuple[User, Token] | None:
        scheme, _, text = request.META.get("HTTP_AUTHORIZATION", "").partition(" ")
        if scheme.lower() != "bearer":
            return None
        try:
            return access.caller_for_token(text.strip())
        except Forbidden as error:
            raise AuthenticationFailed(error.message) from error

    def authenticate_header(self, request: Request) -> str:
        return 'Bearer realm="Run Studio"'


class SessionAuthentication(authentication.SessionAuthentication):
    """The pages' own session; what changes something needs the X-CSRFToken header."""


class HasScope(permissions.BasePermission):
    """
    Reading needs the scope read, changing something the scope write and the role of a contributor. Agents' endpoints need
    the scope agent, personal ones (`is_personal`: tokens, workspaces) no role. Sets `request.caller`.
    """

    def has_permission(self, request: Request, view: Any) -> bool:
        if not request.user.is_authenticated:
            return False
        workspace = request.META.get("HTTP_STUDIO_WORKSPACE")
        request.caller = access.caller(request.user, workspace_name=workspace, token=request.auth)
        if getattr(view, "is_for_agents", False):
            access.require_agent(request.caller)
        elif request.method in permissions.SAFE_METHODS:
            access.require_read(request.caller)
        elif getattr(view, "is_personal", False):
            access.require_person(request.caller)
        else:
            access.require_write(request.caller)
        return True
