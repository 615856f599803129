"""Whether this web process can serve: what a supervisor, a proxy or a monitor asks. It costs one trivial query."""

from django.db import DatabaseError, connection
from django.http import HttpRequest, JsonResponse
from django.views.decorators.cache import never_cache


@never_cache
def health(request: HttpRequest) -> JsonResponse:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError as error:
        connection.close()  # the next request shall try anew, not with a connection that is broken
        return JsonResponse({"status": "unavailable", "message": f"The database does not answer: {error}"}, status=503)
    return JsonResponse({"status": "ok"})
