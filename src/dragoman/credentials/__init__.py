"""The clouds' credentials: where they are found, and what signs with them.

For a row whose ``auth.place`` is one of ``CLOUDS`` the order is: argument, client, environment, key file, and last the files of the cloud's
own tool. Files are read when a call is made, and again when they have changed; nothing is asked of the machine or of its network. The
folders are those of the environment's ``HOME``.

======== ===========================================================================================================================
sigv4    ``AWS_BEARER_TOKEN_BEDROCK`` and what else the row names; ``AWS_ACCESS_KEY_ID``, ``AWS_SECRET_ACCESS_KEY``,
         ``AWS_SESSION_TOKEN``; the profile ``AWS_PROFILE`` in ``~/.aws/credentials`` and ``~/.aws/config``. The region from
         ``AWS_REGION``, ``AWS_REGION_NAME``, ``AWS_DEFAULT_REGION``, the profile
google   ``VERTEXAI_CREDENTIALS`` (a path or JSON), ``GOOGLE_APPLICATION_CREDENTIALS`` (a path), ``CLOUDSDK_AUTH_ACCESS_TOKEN``; the row's
         variables; what ``gcloud auth application-default login`` wrote. Project and location from ``VERTEXAI_PROJECT``,
         ``GOOGLE_CLOUD_PROJECT``, ``VERTEXAI_LOCATION``, ``GOOGLE_CLOUD_LOCATION``, the account's file
azure    the row's variables; ``AZURE_AD_TOKEN``; ``AZURE_TENANT_ID``, ``AZURE_CLIENT_ID``, ``AZURE_CLIENT_SECRET``, with
         ``AZURE_AUTHORITY_HOST`` and ``AZURE_SCOPE`` for another cloud
======== ===========================================================================================================================

A key that is given is a plain one, or ``ACCESS:SECRET[:SESSION]`` for AWS, or a mapping: ``access_key_id``, ``secret_access_key``,
``session_token``, ``region`` or ``profile``; an account's file as it is, or ``credentials`` (path or JSON), ``project``, ``location``;
``tenant_id``, ``client_id``, ``client_secret``. ``{"token": …}`` is a token that was got elsewhere, for each of them.
"""

from dragoman.credentials.keyring import CLOUDS, Access, Keyring, missing_credentials, standing_access

__all__ = ["CLOUDS", "Access", "Keyring", "missing_credentials", "standing_access"]
