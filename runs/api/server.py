"""The server itself, and who is asking."""

from django.conf import settings
from rest_framework.request import Request
from rest_framework.response import Response

from runs import access
from runs.api.endpoint import Endpoint
from runs.api.schema import operation
from runs.api.serializers import people


class ServerEndpoint(Endpoint):
    noun = "Server"
    authentication_classes = ()
    permission_classes = ()

    @operation(answer=people.Server)
    def server(self, request: Request) -> Response:
        """What answers here.

        For clients that want to know whether an address is a Run Studio, and which version.
        """
        return Response({"name": "Run Studio", "version": settings.STUDIO_VERSION, "api": 1})


class MeEndpoint(Endpoint):
    noun = "Server"

    @operation(answer=people.Me)
    def me(self, request: Request) -> Response:
        """Who is asking.

        The user behind the token or the session, the workspace that requests go to when they name none, and the role there.
        """
        caller = self.caller
        return Response(
            people.Me(
                {
                    "user": caller.user.get_username(),
                    "role": caller.role,
                    "scopes": sorted(caller.scopes),
                    "workspace": caller.workspace.name,
                    "workspaces": access.memberships_of(caller),
                }
            ).data
        )
