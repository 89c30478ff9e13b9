"""Makes ``src/dragoman/catalogue/models/<provider>.json`` from a checkout of models.dev::

    git clone https://github.com/anomalyco/models.dev /tmp/models.dev
    python scripts/make-model-lists.py /tmp/models.dev 2026-07-02

The second argument is the day of the checkout's commit. models.dev is MIT, (c) 2025 models.dev; only facts of its data are taken: names,
token limits and abilities. What it does not say stays unknown.
"""

from __future__ import annotations

import sys
import tomllib
from pathlib import Path
from typing import Final

import msgspec

from dragoman.catalogue.load import MODELS
from dragoman.catalogue.schema import Model, ModelList

SOURCE: Final = "https://github.com/anomalyco/models.dev"
THEIRS: Final = {
    "anthropic": "anthropic",
    "baseten": "baseten",
    "cerebras": "cerebras",
    "cloudflare": "cloudflare-workers-ai",
    "cohere": "cohere",
    "dashscope": "alibaba",
    "databricks": "databricks",
    "deepinfra": "deepinfra",
    "deepseek": "deepseek",
    "fireworks_ai": "fireworks-ai",
    "friendliai": "friendli",
    "gemini": "google",
    "github": "github-models",
    "groq": "groq",
    "huggingface": "huggingface",
    "inception": "inception",
    "meta_llama": "llama",
    "minimax": "minimax",
    "mistral": "mistral",
    "moonshot": "moonshotai",
    "morph": "morph",
    "nebius": "nebius",
    "novita": "novita-ai",
    "nvidia_nim": "nvidia",
    "openai": "openai",
    "openrouter": "openrouter",
    "ovhcloud": "ovhcloud",
    "perplexity": "perplexity",
    "scaleway": "scaleway",
    "siliconflow": "siliconflow",
    "snowflake": "snowflake-cortex",
    "stepfun": "stepfun",
    "together_ai": "togetherai",
    "upstage": "upstage",
    "v0": "v0",
    "venice": "venice",
    "wandb": "wandb",
    "xai": "xai",
    "xiaomi_mimo": "xiaomi",
    "zai": "zai",
}
"""Our rows and the collection's names for the same providers."""

Table = dict[str, object]


def main(checkout: Path, day: str) -> None:
    MODELS.mkdir(exist_ok=True)
    for name, theirs in THEIRS.items():
        folder = checkout / "providers" / theirs / "models"
        models = [
            _model(path.relative_to(folder).with_suffix("").as_posix(), told)
            for path in folder.rglob("*.toml")
            if (told := _read(path, checkout)).get("status") != "deprecated"
        ]
        models.sort(key=lambda model: model.name.lower())
        (MODELS / f"{name}.json").write_text(_page(ModelList(source=SOURCE, licence="MIT", checked=day, models=tuple(models))), "utf-8")


def _page(listed: ModelList) -> str:
    """One model a line, so that a change can be read."""
    head = msgspec.json.encode(msgspec.structs.replace(listed, models=())).decode().removesuffix("[]}")
    return head + "[\n" + ",\n".join(msgspec.json.encode(model).decode() for model in listed.models) + "\n]}\n"


def _read(path: Path, checkout: Path) -> Table:
    """One model, over the vendor's own description where it refers to one."""
    told = tomllib.loads(path.read_text("utf-8"))
    base = told.get("base_model")
    if not isinstance(base, str):
        return told
    merged = _read(checkout / "models" / f"{base}.toml", checkout)
    for omitted in told.get("base_model_omit", ()):
        merged.pop(omitted, None)
    for key, value in told.items():
        under = merged.get(key)
        merged[key] = {**under, **value} if isinstance(value, dict) and isinstance(under, dict) else value
    return merged


def _model(name: str, told: Table) -> Model:
    limit, modalities = _table(told.get("limit")), _table(told.get("modalities"))
    takes = modalities.get("input")
    kinds = takes if isinstance(takes, list) else None
    return Model(
        name=name,
        context_tokens=_count(limit.get("context")),
        output_tokens=_count(limit.get("output")),
        tools=_flag(told.get("tool_call")),
        images="image" in kinds if kinds is not None else None,
        audio="audio" in kinds if kinds is not None else None,
        reasoning=_flag(told.get("reasoning")),
        structured_output=_flag(told.get("structured_output")),
    )


def _table(given: object) -> Table:
    return given if isinstance(given, dict) else {}


def _count(given: object) -> int | None:
    return given if isinstance(given, int) and given > 0 else None


def _flag(given: object) -> bool | None:
    return given if isinstance(given, bool) else None


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
