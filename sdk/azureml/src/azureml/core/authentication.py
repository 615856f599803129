"""
`azureml.core.authentication`: every way to sign in to Azure is accepted, and none is used. Who signs in to a Run Studio server
shows a token: that of `studio login`, or RUNSTUDIO_TOKEN.
"""

from __future__ import annotations

from typing import Any, NoReturn

from azureml._names import offer


class AbstractAuthentication:
    """
    Base of the ways to sign in. Arguments are taken for v1's sake; secrets among them are not kept.
    """

    def __init__(self, *_: Any, **__: Any) -> None:
        pass

    def get_authentication_header(self) -> NoReturn:
        """
        Raises:
            NotImplementedError: always. A token for Azure is of no use here.
        """
        raise NotImplementedError(
            "There is no token for Azure here. Requests to a Run Studio server carry the header "
            "Authorization: Bearer TOKEN, with a token from `studio token create NAME`."
        )

    get_token = get_authentication_header

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"


class InteractiveLoginAuthentication(AbstractAuthentication):
    """Accepted; `studio login` counts."""


class AzureCliAuthentication(AbstractAuthentication):
    """Accepted; `studio login` counts."""


class ServicePrincipalAuthentication(AbstractAuthentication):
    """Accepted; RUNSTUDIO_TOKEN, with a token for a machine, counts."""


class MsiAuthentication(AbstractAuthentication):
    """Accepted; RUNSTUDIO_TOKEN, with a token for a machine, counts."""


class ArcTokenAuthentication(AbstractAuthentication):
    """Accepted; RUNSTUDIO_TOKEN, with a token for a machine, counts."""


class TokenAuthentication(AbstractAuthentication):
    """Accepted; RUNSTUDIO_TOKEN counts. The function that would fetch a token is never called."""


__getattr__, __dir__, __all__ = offer(__name__, ("AuthenticationException",))
__all__ += [name for name in globals() if name.endswith("Authentication")]
