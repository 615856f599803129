"""Tables: log rows, see which tables there are, and read rows by pages."""

from typing import Any

from rest_framework.request import Request
from rest_framework.response import Response

from runs import lineage, tables
from runs.api.endpoint import Endpoint
from runs.api.metrics import value
from runs.api.schema import operation
from runs.api.serializers import tables as forms
from runs.models import Table


class Tables(Endpoint):
    noun = "Tables"
    page_key = "id"

    @operation(
        request=forms.TablesBatch,
        answer=forms.RowsAccepted,
        errors=["run_already_ended"],
        example={
            "batch": "b-1",
            "tables": [{"name": "epochs", "rows": [{"epoch": 1, "loss": 0.5}, {"epoch": 2, "loss": 0.25}]}],
        },
    )
    def log(self, request: Request, run_id: str) -> Response:
        """Log rows of tables.

        All of a request are kept, or none. With a `batch` id of your own the same request again counts once. A row is an object
        of columns; rows may have different ones. Cells are numbers, text, true, false or null; NaN and infinities are
        `{"number": "NaN"}`. Of the other kinds than `table` a row is `{"path": …}`: the artifact that holds the image, or the
        JSON. Rows stand in the order of `time`, which is the server's when it is left out.
        """
        sent = self.body(forms.TablesBatch)
        is_new = tables.append(self.the_run(brief=True), sent["tables"], batch=sent.get("batch"))
        return Response({"accepted": sum(len(entry.rows) for entry in sent["tables"]), "replayed": not is_new})

    @operation(items=forms.TableForm)
    def list(self, request: Request, run_id: str) -> Response:
        """List the tables of a run.

        With their columns and how many rows they have.
        """
        return self.page(Table.objects.filter(run=self.the_run(brief=True)), forms.TableForm)

    @operation(answer=forms.RowsPage, query=forms.RowsQuery)
    def rows(self, request: Request, run_id: str) -> Response:
        """Read the rows of one table.

        Each with every column that the table has; null where the row has no such cell.
        """
        asked = self.query(forms.RowsQuery)
        found = tables.read([self.the_run(brief=True)], [asked["name"]], **_place(asked))
        rows = [
            dict(zip(stretch.table.columns, map(value, row), strict=True))
            for stretch in found.stretches
            for row in stretch.full()
        ]
        return Response({"items": rows, "next": found.next})

    @operation(answer=forms.TableValuesPage, query=forms.TableValuesQuery)
    def values(self, request: Request, run_id: str) -> Response:
        """Read the rows of a run's tables, all of them, in order.

        A page holds stretches, each of one table. With `recursive=true` those of the runs below come too.
        """
        asked = self.query(forms.TableValuesQuery)
        run_type = asked.get("run_type") or ""
        runs = lineage.tree(self.the_run(brief=True), is_recursive=asked["recursive"], run_type=run_type)
        found = tables.read(runs, asked.get("name"), **_place(asked))
        return Response({"items": [_stretch(stretch) for stretch in found.stretches], "next": found.next})


def _place(asked: dict[str, Any]) -> dict[str, Any]:
    return {"kinds": asked.get("kind"), "after": asked.get("after") or None, "limit": asked["limit"]}


def _stretch(stretch: tables.Stretch) -> dict[str, Any]:
    return {
        "run_id": stretch.run.run_id,
        "name": stretch.table.key,
        "kind": stretch.table.kind,
        "columns": stretch.columns,
        "rows": [[value(cell) for cell in row] for row in stretch.rows],
        "time": forms.moment(stretch.time_us),
    }
