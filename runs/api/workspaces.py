"""Workspaces and their members."""

from rest_framework.request import Request
from rest_framework.response import Response

from runs import access
from runs.access import Caller
from runs.api.endpoint import Endpoint
from runs.api.schema import operation
from runs.api.serializers import people


class Workspaces(Endpoint):
    noun = "Workspaces"
    is_personal = True
    page_key = "name"

    def _as_member(self, name: str) -> Caller:
        """The caller in the workspace of the address."""
        return access.caller(self.request.user, workspace_name=name, token=self.request.auth)

    def _as_owner(self, name: str) -> Caller:
        caller = self._as_member(name)
        access.require_owner(caller)
        return caller

    @operation(items=people.WorkspaceDocument)
    def list(self, request: Request) -> Response:
        """List the workspaces that you are a member of, by name."""
        return self.page(access.visible_workspaces(self.caller), people.WorkspaceDocument)

    @operation(
        request=people.NewWorkspace,
        answer=people.WorkspaceDocument,
        status=201,
        errors=["already_exists"],
        example={"name": "speech-lab", "description": "Recognition of speech"},
    )
    def create(self, request: Request) -> Response:
        """Make a workspace.

        You become its owner. A token that is valid in one workspace only cannot make another.
        """
        access.require_everywhere(self.caller)
        given = self.body(people.NewWorkspace)
        made = access.create_workspace(given["name"], owner=self.caller.user, description=given["description"])
        return Response(people.WorkspaceDocument(made).data, status=201)

    @operation(answer=people.WorkspaceDocument)
    def retrieve(self, request: Request, name: str) -> Response:
        """Read a workspace."""
        return Response(people.WorkspaceDocument(self._as_member(name).workspace).data)

    @operation(request=people.WorkspaceChange, answer=people.WorkspaceDocument, example={"description": "Speech"})
    def partial_update(self, request: Request, name: str) -> Response:
        """Change a workspace's description.

        Owners only.
        """
        workspace = self._as_owner(name).workspace
        given = self.body(people.WorkspaceChange)
        if "description" in given:
            workspace = access.describe_workspace(workspace, given["description"])
        return Response(people.WorkspaceDocument(workspace).data)


class Members(Workspaces):
    page_key = "id"

    @operation(items=people.MemberDocument)
    def list_members(self, request: Request, name: str) -> Response:
        """List a workspace's members and their roles."""
        workspace = self._as_member(name).workspace
        return self.page(workspace.members.select_related("user"), people.MemberDocument)

    @operation(
        request=people.RoleChoice, answer=people.MemberDocument, errors=["conflict"], example={"role": "contributor"}
    )
    def put_member(self, request: Request, name: str, username: str) -> Response:
        """Add a member, or give one another role.

        Owners only. The last owner of a workspace stays its owner.
        """
        workspace = self._as_owner(name).workspace
        given = self.body(people.RoleChoice)
        member = access.add_member(workspace, user=access.user_named(username), role=given["role"])
        return Response(people.MemberDocument(member).data)

    @operation(status=204, errors=["conflict"])
    def remove_member(self, request: Request, name: str, username: str) -> Response:
        """Remove a member.

        Owners only. What the member made stays. Removing somebody who is no member changes nothing.
        """
        workspace = self._as_owner(name).workspace
        access.remove_member(workspace, user=access.user_named(username))
        return Response(status=204)
