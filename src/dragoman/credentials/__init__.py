"""The clouds' credentials: where they are found, and what signs with them.

For a row whose ``auth.place`` is one of ``CLOUDS`` the order is: argument, client, environment, key file, the files of the cloud's own
tool, what the platform lends, and last the machine's own metadata, which is asked when a call is made and nothing else was found. Files are
read when a call is made, and again when they have changed. The folders are those of the environment's ``HOME``. The whole order, and why:
docs/decisions/2026-11-21-who-lends-a-clouds-keys.md.

======== ===========================================================================================================================
sigv4    ``AWS_BEARER_TOKEN_BEDROCK`` and what else the row names; ``AWS_ACCESS_KEY_ID``, ``AWS_SECRET_ACCESS_KEY``,
         ``AWS_SESSION_TOKEN``; ``AWS_WEB_IDENTITY_TOKEN_FILE`` with ``AWS_ROLE_ARN``; the profile ``AWS_PROFILE`` in
         ``~/.aws/credentials`` and ``~/.aws/config``, with keys, a role, a web identity, single sign-on or a program;
         ``AWS_CONTAINER_CREDENTIALS_FULL_URI``, ``AWS_CONTAINER_CREDENTIALS_RELATIVE_URI``; the machine's role. The region from
         ``AWS_REGION``, ``AWS_REGION_NAME``, ``AWS_DEFAULT_REGION``, the profile
google   ``VERTEXAI_CREDENTIALS`` (a path or JSON), ``GOOGLE_APPLICATION_CREDENTIALS`` (a path), ``CLOUDSDK_AUTH_ACCESS_TOKEN``; the row's
         variables; what ``gcloud auth application-default login`` wrote; the machine's account, which tells its project too. Files are of
         service accounts, people, external accounts and accounts to act as. Project and location from ``VERTEXAI_PROJECT``,
         ``GOOGLE_CLOUD_PROJECT``, ``VERTEXAI_LOCATION``, ``GOOGLE_CLOUD_LOCATION``, the account's file
azure    the row's variables; ``AZURE_AD_TOKEN``; ``AZURE_TENANT_ID``, ``AZURE_CLIENT_ID`` with ``AZURE_CLIENT_SECRET`` or
         ``AZURE_FEDERATED_TOKEN_FILE``; ``IDENTITY_ENDPOINT``, ``MSI_ENDPOINT``; the machine's managed identity. ``AZURE_AUTHORITY_HOST``
         and ``AZURE_SCOPE`` are for another cloud
======== ===========================================================================================================================

A key that is given is a plain one, or ``ACCESS:SECRET[:SESSION]`` for AWS, or a mapping: ``access_key_id``, ``secret_access_key``,
``session_token``, ``region``, ``profile``, ``role_arn``, ``role_session_name``, ``external_id``, ``web_identity_token_file``; an account's
file as it is, or ``credentials`` (path or JSON), ``project``, ``location``; ``tenant_id``, ``client_id``, ``client_secret``. A region, a
role, a project or a location alone is for the keys that are found. ``{"token": …}`` is a token that was got elsewhere, for each of them.
"""

from dragoman.credentials.keyring import CLOUDS, Access, Keyring, missing_credentials, standing_access

__all__ = ["CLOUDS", "Access", "Keyring", "missing_credentials", "standing_access"]
