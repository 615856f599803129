"""The server, who is asking, tokens, workspaces and members."""

from typing import Any

from rest_framework import serializers

from runs import limits
from runs.api.serializers.fields import Body, OneOf, Text, Whole
from runs.models import Member, Role, Scope, Token, Workspace


class Server(serializers.Serializer):
    name = serializers.CharField()
    version = serializers.CharField()
    api = serializers.IntegerField()


class Membership(serializers.Serializer):
    name = serializers.CharField(source="workspace.name")
    role = serializers.ChoiceField(choices=Role.choices)


class Me(serializers.Serializer):
    user = serializers.CharField()
    role = serializers.ChoiceField(choices=Role.choices, help_text="In the workspace of this request.")
    scopes = serializers.ListField(child=serializers.ChoiceField(choices=Scope.choices))
    workspace = serializers.CharField(help_text="The workspace of this request.")
    workspaces = Membership(many=True)


class TokenDocument(serializers.ModelSerializer):
    workspace = serializers.SlugRelatedField(slug_field="name", read_only=True, allow_null=True)
    scopes = serializers.ListField(child=serializers.ChoiceField(choices=Scope.choices))

    class Meta:
        model = Token
        fields = ["id", "name", "prefix", "scopes", "workspace", "created_at", "expires_at", "last_used_at"]


class NewTokenDocument(TokenDocument):
    token = serializers.CharField(help_text="The text to show. It is told this once.")

    class Meta(TokenDocument.Meta):
        fields = [*TokenDocument.Meta.fields, "token"]


class NewToken(Body):
    name = Text(max_length=limits.NAME_LENGTH)
    scopes = serializers.ListField(child=OneOf(Scope.choices), min_length=1)
    workspace = Text(required=False, allow_null=True, help_text="Valid there only; all of yours when left out.")
    expires_in_days = Whole(required=False, allow_null=True, min_value=1, max_value=3650)


class WorkspaceDocument(serializers.ModelSerializer):
    class Meta:
        model = Workspace
        fields = ["name", "description", "created_at"]


class NewWorkspace(Body):
    name = Text(max_length=limits.WORKSPACE_NAME_LENGTH)
    description = Text(required=False, allow_blank=True, default="", max_length=limits.DESCRIPTION_LENGTH)


class WorkspaceChange(Body):
    description = Text(required=False, allow_blank=True, max_length=limits.DESCRIPTION_LENGTH)


class MemberDocument(serializers.ModelSerializer):
    username = serializers.CharField(source="user.username")

    class Meta:
        model = Member
        fields = ["username", "role", "created_at"]


class RoleChoice(Body):
    role = OneOf(Role.choices)


def new_token(token: Token, text: str) -> dict[str, Any]:
    return {**TokenDocument(token).data, "token": text}
