"""All settings, read once from the environment into one frozen object. `docs/settings.md` documents each of them."""

from functools import lru_cache
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

PROJECT_ROOT = Path(__file__).resolve().parents[2]


class Settings(BaseSettings):
    """Stoa's settings. Times are in seconds unless the name says otherwise."""

    model_config = SettingsConfigDict(env_prefix="STOA_", frozen=True, extra="ignore", populate_by_name=True)

    app_env: Literal["development", "production"] = Field(
        "development",
        validation_alias="APP_ENV",
        description="`production` refuses to start with a default secret or without HTTPS cookies.",
    )
    data_dir: Path = Field(PROJECT_ROOT / ".stoa", description="Where embedded services, secrets and builds live.")
    host: str = Field("127.0.0.1", description="Address the web process listens on.")
    port: int = Field(3000, ge=1, le=65535, description="Port of pages, websocket and API.")
    public_url: str | None = Field(
        None, description="The address people type, e.g. `https://stoa.example.org`; default `http://localhost:<port>`."
    )
    allowed_origins: Annotated[tuple[str, ...], NoDecode] = Field(
        (), description="Further origins allowed to post and to open the websocket, separated by commas."
    )
    trusted_proxy_hops: int = Field(
        0, ge=0, description="Reverse proxies in front of Stoa whose `X-Forwarded-For` is believed, for rate limits."
    )
    secret_key: SecretStr | None = Field(
        None,
        validation_alias="SECRET_KEY",
        description="Encrypts provider keys. Generated in the data directory in development; else required.",
    )
    old_secret_keys: SecretStr | None = Field(
        None,
        description="Former values of `SECRET_KEY`, separated by commas: they decrypt until `stoa rotate-key` has run.",
    )
    database_url: SecretStr | None = Field(
        None, validation_alias="DATABASE_URL", description="Postgres to use instead of the embedded one."
    )
    redis_url: SecretStr | None = Field(
        None, validation_alias="REDIS_URL", description="Valkey or Redis to use instead of the embedded one."
    )
    s3_endpoint: str | None = Field(
        None,
        validation_alias="S3_ENDPOINT",
        description="S3 service to use instead of the embedded storage, e.g. `https://s3.eu-west-1.amazonaws.com`.",
    )
    s3_public_endpoint: str | None = Field(
        None,
        validation_alias="S3_PUBLIC_ENDPOINT",
        description="Address of that service as browsers reach it, where it differs.",
    )
    s3_bucket: str = Field(
        "stoa",
        validation_alias="S3_BUCKET",
        pattern=r"^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$",
        description="Bucket that holds every object; created when it is missing.",
    )
    aws_access_key_id: str | None = Field(
        None,
        validation_alias="AWS_ACCESS_KEY_ID",
        description="Access key of the storage; required with `S3_ENDPOINT`.",
    )
    aws_secret_access_key: SecretStr | None = Field(
        None,
        validation_alias="AWS_SECRET_ACCESS_KEY",
        description="Secret of the access key; required with `S3_ENDPOINT`.",
    )
    aws_region: str = Field("us-east-1", validation_alias="AWS_REGION", description="Region that signatures name.")
    database_pool: int = Field(20, ge=1, description="Database connections a process keeps at most.")
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="Least severe log line shown.")
    log_json: bool = Field(False, description="Write logs as JSON lines.")

    cookie_secure: bool | None = Field(
        None, description="Send the session cookie over HTTPS only; default: yes in production, no in development."
    )
    session_days: float = Field(14, gt=0, description="Days without a visit after which a session ends.")
    sign_in_attempts: int = Field(10, ge=1, description="Failed sign-ins per e-mail address and window.")
    sign_in_attempts_per_address: int = Field(50, ge=1, description="Failed sign-ins per network address and window.")
    sign_in_window: int = Field(300, ge=1, description="Length of the sign-in window.")
    metrics_token: SecretStr | None = Field(
        None, description="Bearer token for `/api/metrics`; without it only administrators read the metrics."
    )

    demo_password: SecretStr | None = Field(
        None, description="Password of the demo's people; default: a random one, printed at the first start."
    )

    llm_provider: str | None = Field(
        None, validation_alias="MIYABI_LLM_PROVIDER", description="Provider to put first: openai, anthropic, ollama."
    )
    llm_fallback_chain: Annotated[tuple[str, ...], NoDecode] = Field(
        (), validation_alias="MIYABI_LLM_FALLBACK_CHAIN", description="Providers in order, separated by commas."
    )
    embedding_provider: str | None = Field(
        None, validation_alias="MIYABI_EMBEDDING_PROVIDER", description="Provider of embeddings: ollama or openai."
    )
    anthropic_api_key: SecretStr | None = Field(
        None, validation_alias="ANTHROPIC_API_KEY", description="Registers Anthropic's model at the first start."
    )
    anthropic_base_url: str | None = Field(
        None, validation_alias="ANTHROPIC_BASE_URL", description="Another address of the Anthropic API."
    )
    openai_api_key: SecretStr | None = Field(
        None, validation_alias="OPENAI_API_KEY", description="Registers OpenAI's model at the first start."
    )
    openai_base_url: str | None = Field(
        None, validation_alias="OPENAI_BASE_URL", description="Another server that speaks OpenAI's API."
    )
    ollama_base_url: str | None = Field(
        None, validation_alias="OLLAMA_BASE_URL", description="Registers an Ollama at the first start."
    )
    ollama_model: str | None = Field(
        None, validation_alias="OLLAMA_MODEL", description="Model asked of Ollama; default `gpt-oss:20b`."
    )
    local_model: bool = Field(True, description="Serve the small local model when it is installed and no key is set.")
    routing_primary_only: bool = Field(
        False,
        validation_alias="GENAI_ROUTING_PRIMARY_ONLY",
        description="Kill switch: always the chain's primary model, without admission, breaker and fallback.",
    )
    completions_per_pool: int | None = Field(
        None,
        ge=1,
        description="Answers that all processes of one pool (web, workers) together read at once; unset: any.",
    )
    genai_config_cache: float = Field(
        2.0, ge=0, description="How long a process remembers which models serve a feature, and what limits hold."
    )

    prompt_max_chars: int = Field(32_000, ge=1, description="Longest message to the tutor, in characters.")
    lesson_context_chars: int = Field(8_000, ge=0, description="Most lesson text put before the model, in characters.")
    history_context_chars: int = Field(
        12_000, ge=0, description="Most text of earlier messages put before the model, in characters."
    )
    turn_flush: float = Field(0.04, gt=0, description="Interval at which streamed text is written to Redis and pages.")
    turn_checkpoint: float = Field(
        2.0,
        gt=0,
        description="Interval at which a running turn saves its text in Postgres, which also shows that it lives.",
    )
    turn_silence: float = Field(15.0, gt=0, description="Silence after which a turn counts as interrupted.")
    turn_sweep: float = Field(5.0, gt=0, description="Interval at which a web process looks for silent turns.")
    stream_ttl: int = Field(3600, ge=1, description="How long a finished turn's stream stays in Redis.")
    sse_comment: float = Field(15.0, gt=0, description="Interval of keep-alive comments on event streams.")

    workers_io: int = Field(1, ge=0, description="Worker processes for the io lane that `stoa up` starts.")
    workers_cpu: int = Field(1, ge=0, description="Worker processes for the cpu lane that `stoa up` starts.")
    worker_places: int = Field(
        16, ge=1, description="Jobs that one worker of the io lane does at once; one of the cpu lane does one."
    )
    job_lease: float = Field(
        15.0,
        gt=0,
        description="Time after which a job whose worker shows no life goes to another.",
    )
    job_grace: float = Field(
        10.0,
        ge=0,
        description="Time that jobs get to finish when their worker is asked to stop; then they are queued again.",
    )
    job_reconcile: float = Field(5.0, gt=0, description="Interval at which one worker puts the queue in order for all.")
    job_aging: float = Field(300.0, gt=0, description="Waiting time after which a job rises by one priority.")
    job_backoff: float = Field(
        5.0, ge=0, description="Longest wait after a job's first passing failure; it doubles with each further one."
    )
    job_backoff_cap: float = Field(600.0, ge=0, description="Longest wait after any passing failure.")
    job_artifact_days: int = Field(
        30, ge=1, description="Days after a job's end for which the files that it made can be downloaded."
    )
    job_watchdog: float = Field(
        60.0, gt=0, description="Time after which a worker whose event loop hangs ends itself, to be started again."
    )
    sandbox_runs_per_minute: int = Field(
        20, ge=1, description="Runs and submissions of code that one person may begin in a minute."
    )

    docker_host: str | None = Field(
        None,
        validation_alias="DOCKER_HOST",
        description="Docker engine that runs code, e.g. `unix:///run/docker.sock`; default: the machine's own.",
    )
    sandbox_warm: int = Field(
        2, ge=0, le=16, description="Containers that each worker of the cpu lane keeps ready for programs."
    )
    sandbox_runtime: str | None = Field(
        None, description="The engine's runtime for them, e.g. `runsc` for gVisor; default: the engine's own."
    )
    sandbox_image: str | None = Field(
        None, description="Image to run programs in, from a registry; default: built on the engine when it is missing."
    )
    sandbox_base_image: str = Field(
        "python:3.12-slim",
        description="What that image is built from; where no registry is reached, Debian's packages.",
    )
    sandbox_record: bool = Field(True, description="Record what programs in the sandbox execute and open.")
    sandbox_sweep: float = Field(
        60.0, gt=0, description="Interval at which containers that were left over are removed."
    )
    sandbox_days: int = Field(90, ge=1, description="Days after which the record of a run in the sandbox is deleted.")

    @field_validator("allowed_origins", "llm_fallback_chain", mode="before")
    @classmethod
    def _split_commas(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(part.strip() for part in value.split(",") if part.strip())
        return value

    @field_validator(
        "secret_key", "old_secret_keys", "database_url", "redis_url", "public_url", "llm_provider",
        "embedding_provider", "anthropic_api_key", "anthropic_base_url", "openai_api_key", "openai_base_url",
        "ollama_base_url", "ollama_model", "s3_endpoint", "s3_public_endpoint", "aws_access_key_id",
        "aws_secret_access_key", "metrics_token", "cookie_secure", "completions_per_pool", "routing_primary_only",
        "docker_host", "sandbox_runtime", "sandbox_image",
        mode="before",
    )  # fmt: skip
    @classmethod
    def _empty_is_unset(cls, value: object) -> object:
        return None if value == "" else value

    @field_validator("s3_endpoint", "s3_public_endpoint")
    @classmethod
    def _web_address(cls, value: str | None) -> str | None:
        if value is not None and not value.startswith(("http://", "https://")):
            raise ValueError("must start with http:// or https://")
        return value.rstrip("/") if value else value

    @field_validator("data_dir")
    @classmethod
    def _absolute(cls, value: Path) -> Path:
        return value.expanduser().absolute()

    @model_validator(mode="after")
    def _production_is_strict(self) -> Self:
        if self.app_env == "production":
            if self.secret_key is None or len(self.secret_key.get_secret_value()) < 32:
                raise ValueError("APP_ENV=production needs SECRET_KEY, at least 32 characters long")
            if not self.secure_cookies:
                raise ValueError("APP_ENV=production needs cookies over HTTPS: unset STOA_COOKIE_SECURE")
        if self.database_url is not None and self.secret_key is None:
            raise ValueError("with DATABASE_URL, SECRET_KEY is required: the database outlives this data directory")
        if self.s3_endpoint is not None and not (self.aws_access_key_id and self.aws_secret_access_key):
            raise ValueError("with S3_ENDPOINT, AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are required")
        return self

    @property
    def secure_cookies(self) -> bool:
        """Whether the session cookie is sent over HTTPS only."""
        return self.app_env == "production" if self.cookie_secure is None else self.cookie_secure

    @property
    def former_secret_keys(self) -> tuple[str, ...]:
        """What `SECRET_KEY` was before. One that holds a comma itself is found when it stands alone."""
        if self.old_secret_keys is None:
            return ()
        whole = self.old_secret_keys.get_secret_value()
        return tuple(dict.fromkeys([whole, *(part.strip() for part in whole.split(",") if part.strip())]))

    @property
    def base_url(self) -> str:
        """The address people type, without a trailing slash."""
        return (self.public_url or f"http://localhost:{self.port}").rstrip("/")

    @property
    def origins(self) -> tuple[str, ...]:
        """Every origin that may post and open the websocket."""
        own = (
            [self.base_url]
            if self.public_url
            else [f"http://{name}:{self.port}" for name in ("localhost", "127.0.0.1")]
        )
        return tuple(dict.fromkeys(own + [origin.rstrip("/") for origin in self.allowed_origins]))


@lru_cache(maxsize=1)
def get_settings() -> Settings:
    """The settings of this process. Tests call `get_settings.cache_clear()` after changing the environment."""
    return Settings()
