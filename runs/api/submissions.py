"""Scripts that become queued runs, and what is done to many runs at once."""

from typing import Any

from rest_framework.request import Request
from rest_framework.response import Response

from runs import access, artifacts, experiments, lifecycle, records, submission
from runs.api.endpoint import Endpoint
from runs.api.errors import of_domain
from runs.api.schema import operation
from runs.api.serializers import runs as forms
from runs.errors import Invalid, StudioError
from runs.models import Run, Status


class Submissions(Endpoint):
    noun = "Runs"

    @operation(
        request=forms.Submission,
        answer=forms.RunDocument,
        status=201,
        errors=["already_exists"],
        example={"experiment": "mnist", "command": "python -c 'print(42)'", "target": "local"},
    )
    def submit(self, request: Request) -> Response:
        """Queue a script for the agents of a compute target.

        Upload its source folder as a snapshot first, and give either `script`, a file of the snapshot, or `command`, a line for
        the shell. With a `run_id` of your own the request may be repeated.
        """
        given = self.body(forms.Submission)
        snapshot_id, parent = given.pop("snapshot_id", None), given.pop("parent", None)
        workspace, user = self.caller.workspace, self.caller.user
        snapshot = artifacts.find_snapshot(workspace, snapshot_id) if snapshot_id else None
        parent = access.run_for(self.caller, parent) if parent else None
        experiment, _ = experiments.get_or_create(workspace, given.pop("experiment"), by=user)
        run = submission.submit(experiment, by=user, snapshot=snapshot, parent=parent, **given)
        return Response(forms.document(access.run_for(self.caller, run.run_id)), status=201)

    @operation(
        request=forms.BulkAction,
        answer=forms.BulkOutcomes,
        example={"action": "tag", "run_ids": ["first-try"], "tags": {"reviewed": "yes"}},
    )
    def bulk(self, request: Request) -> Response:
        """Cancel, archive, restore or tag many runs.

        Each run answers for itself: `ok`, or the `code` and `message` of its error.
        """
        given = self.body(forms.BulkAction)
        if given["action"] == "tag" and "tags" not in given:
            raise Invalid("Give the tags to set.", field="tags")
        return Response({"items": [self._outcome(run_id, given) for run_id in given["run_ids"]]})

    def _outcome(self, run_id: str, given: dict[str, Any]) -> dict[str, Any]:
        try:
            self._act(access.run_for(self.caller, run_id), given)
        except StudioError as error:
            _, body = of_domain(error)
            return {"run_id": run_id, "ok": False, "code": body["code"], "message": body["message"]}
        return {"run_id": run_id, "ok": True}

    def _act(self, run: Run, given: dict[str, Any]) -> None:
        by = self.caller.user
        match given["action"]:
            case "cancel" if run.status == Status.CANCELED:
                pass  # asked for twice
            case "cancel":
                lifecycle.cancel(run, by=by)
            case "archive":
                lifecycle.archive(run, by=by)
            case "restore":
                lifecycle.restore(run, by=by)
            case "tag":
                records.set_tags(run, given["tags"], by=by)
