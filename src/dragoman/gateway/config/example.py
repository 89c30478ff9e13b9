"""A complete ``dragoman.toml`` with its explanations, as ``dragoman config example`` prints it.

Lines of prose begin with ``# ``; a setting that is only shown has its ``#`` right before it, so that it is had by removing that. What is
not so marked is what holds by default, so that the example works as it is.
"""

from __future__ import annotations

from typing import Final

EXAMPLE: Final = """\
# dragoman.toml: what `dragoman serve` does. Lines that begin with "#" and no blank are settings that you may want:
# remove the "#". The others are what holds where nothing is said.
#
# ${NAME} in a text is the environment variable NAME, ${NAME:-this} is "this" where it is not set, $${ is "${".
# Waits are in seconds, sizes in bytes. `dragoman check config` finds mistakes; SIGHUP makes a running gateway read
# the file again, and where it has a mistake the old one stays in force.

# Where to listen: host:port, or [host]:port for IPv6. An address that other machines reach needs [keys].
listen = "127.0.0.1:4000"

# Processes that serve at this address: one for each core that you can spare.
workers = 1

# How often a target is tried again, where that can help, before the next one is.
max_retries = 2

# Serve every provider whose key is in the environment, beside those below. Without this line they are served
# only where no [providers] are named.
discover = true

# Where there are several [keys], each caller may name only what an answer gave to its own: responses, containers. So
# files, conversations and caches that the gateway's accounts hold are closed. Among people who trust one another: true.
shared_account = false


# --- Providers ------------------------------------------------------------------------------------------------------
# [providers.<name>] serves one that `dragoman providers` lists. Callers reach its models as <name>/<model>.

# The key; without one the provider's customary variable is looked at, and ~/.config/dragoman/keys.toml.
#[providers.openai]
#key = "${OPENAI_API_KEY}"
# The models that lists show. Callers may ask for others too.
#models = ["gpt-4.1", "gpt-4.1-mini"]

# Another address of the provider: a proxy, a region, a machine of yours.
#[providers.vllm]
#base_url = "http://10.0.0.7:8000/v1"

# The keys of a cloud may have several parts.
#[providers.bedrock]
#key = { access_key_id = "${AWS_ACCESS_KEY_ID}", secret_access_key = "${AWS_SECRET_ACCESS_KEY}", region = "eu-central-1" }

# A second account: like one of the list, but for what is said here.
#[providers.openai-eu]
#like = "openai"
#key = "${OPENAI_EU_KEY}"
#base_url = "https://eu.api.openai.com/v1"

# One that is not in the list: its dialect and its address. The rest is as in the rows of the list.
#[providers.house]
#title = "Our own model server"
#dialect = "openai_chat"
#base_url = "http://models.internal:8080/v1"
#key = "${HOUSE_KEY}"
#auth = { place = "header", name = "x-api-key" }
#abilities = ["chat", "tools", "embeddings"]
#quirks = { drop = ["seed"], defaults = { temperature = 0.7 } }
# Under which name the price lists have it, for costs.
#prices = "openai"


# --- Models ---------------------------------------------------------------------------------------------------------
# [models."<name>"]: names of your own. The targets are tried in this order, the next one where one fails before its
# answer has begun.

#[models.fast]
#targets = ["openai/gpt-4.1-mini", "openai-eu/gpt-4.1-mini"]
# Waits of this model, where they differ from [timeouts].
#timeouts = { connect = 5, first_token = 30, between_tokens = 20, total = 120 }

# A * stands for any text, and in a target for the same. Names come before patterns, and patterns in their order here.
#[models."house-*"]
#targets = ["house/*"]
# Leave it out of lists.
#hidden = true


# --- Keys of callers ------------------------------------------------------------------------------------------------
# [keys.<name>]: `dragoman keys new <name>` makes one. Only its hash stands here, so that this file gives none away.

#[keys.web]
#hash = "sha256:0000000000000000000000000000000000000000000000000000000000000000"
# What this caller may ask for, as callers write it; without it everything.
#models = ["fast", "house-*"]

# A key that you have already, from the environment.
#[keys.night-job]
#key = "${NIGHT_JOB_KEY}"

# The key of the paths below /admin, which are not served without one. No caller's key opens them.
#[admin]
#hash = "sha256:1111111111111111111111111111111111111111111111111111111111111111"
# Or from the environment, in place of the hash:
# key = "${ADMIN_KEY}"


# --- Waits and limits -----------------------------------------------------------------------------------------------

[timeouts]
# Until a connection to a provider stands.
connect = 10
# Until the answer begins, over all tries and targets.
first_token = 300
# Each silence after that.
between_tokens = 120
# The whole answer. There is no bound unless you set one.
#total = 900

[limits]
# A request's first line and headers, and its body.
head_bytes = 65_536
body_bytes = 33_554_432
# Messages in one request.
messages = 10_000
# Requests under way at one time, and streamed answers among them, for each worker.
requests = 20_000
streams = 20_000
# Until a request's head has arrived, and between two pieces of its body.
head = 20
body_silence = 30
# How long a caller may take nothing of its answer.
send = 120
# How long a stream may be silent before callers whose dialect has a place for it get a sign of life.
heartbeat = 15
# How long a connection without a request is kept.
idle = 90
# How long answers under way may take when the gateway stops.
stop = 30


# --- Browsers -------------------------------------------------------------------------------------------------------

[cors]
# Sites whose pages may call, such as "https://chat.example.org"; "*" is every site, then without credentials.
origins = []
# How long a browser need not ask again.
max_age = 600


# --- What it tells --------------------------------------------------------------------------------------------------

[log]
# One line for each request on standard output: "text", "json" or "off".
access = "text"

[otel]
# Traces by OpenTelemetry; none are sent without an address. pip install 'dragoman[otel]'
#endpoint = "http://127.0.0.1:4318"
#headers = { authorization = "Bearer ${OTEL_TOKEN}" }
service_name = "dragoman"
# Whether traces hold what was said.
content = false


# --- TLS ------------------------------------------------------------------------------------------------------------
# PEM files. Without them the gateway speaks plain HTTP, as is right behind a proxy that has the certificate.

#[tls]
#certificate = "/etc/dragoman/certificate.pem"
#key = "/etc/dragoman/key.pem"
"""
