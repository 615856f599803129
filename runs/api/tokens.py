"""Personal tokens."""

from datetime import timedelta

from django.utils import timezone
from rest_framework.request import Request
from rest_framework.response import Response

from runs import access
from runs.api.endpoint import Endpoint
from runs.api.schema import operation
from runs.api.serializers import people


class Tokens(Endpoint):
    noun = "Tokens"
    is_personal = True

    @operation(items=people.TokenDocument)
    def list(self, request: Request) -> Response:
        """List your tokens.

        Those that work, newest first. Their texts are not kept, only how they begin.
        """
        return self.page(access.tokens_of(self.caller), people.TokenDocument)

    @operation(
        request=people.NewToken,
        answer=people.NewTokenDocument,
        status=201,
        example={"name": "training box", "scopes": ["read", "write"], "expires_in_days": 90},
    )
    def create(self, request: Request) -> Response:
        """Make a token.

        `token` in the answer is the text to show as a Bearer token. It is told this once.
        A token gives no more than the one that it is made with: neither further scopes nor further workspaces.
        """
        given = self.body(people.NewToken)
        days = given.get("expires_in_days")
        token, text = access.make_token_as(
            self.caller,
            name=given["name"],
            scopes=given["scopes"],
            workspace_name=given.get("workspace"),
            expires_at=timezone.now() + timedelta(days=days) if days else None,
        )
        return Response(people.new_token(token, text), status=201)

    @operation(status=204)
    def destroy(self, request: Request, token_id: int) -> Response:
        """Revoke a token.

        It ends at once in the process that answers, within a few seconds in others.
        """
        access.revoke_token(access.token_for(self.caller, token_id))
        return Response(status=204)
