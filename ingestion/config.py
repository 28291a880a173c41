"""The shop's configuration: a typed, validated view of config/ingestion.yml."""

import os
from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from ingestion.errors import ShopError

CONFIG_FOLDER = Path(__file__).resolve().parent.parent / "config"
CONFIG_VARIABLE = "TILLROLL_INGESTION_CONFIG"

Share = Annotated[float, Field(ge=0, le=1)]


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Volumes(_Model):
    """Rows of the first load, before `scale`."""

    customers: Annotated[int, Field(ge=20)] = 100_000
    products: Annotated[int, Field(ge=20)] = 60_000
    stores: Annotated[int, Field(ge=6, le=1_000)] = 36
    sessions: Annotated[int, Field(ge=1)] = 50_000
    transactions: Annotated[int, Field(ge=1)] = 16_500
    reviews: Annotated[int, Field(ge=0)] = 16_500


class Demand(_Model):
    """How volume moves from day to day."""

    yearly_growth: Annotated[float, Field(gt=-1, le=10)] = 0.30
    noise: Annotated[float, Field(ge=0, le=1)] = 0.06


class Shares(_Model):
    """Parts of a whole, 0 to 1; config/ingestion.yml says of which."""

    new_customers: Annotated[float, Field(ge=0, le=0.5)] = 0.06
    new_products: Annotated[float, Field(ge=0, le=0.5)] = 0.03
    discontinued_products: Annotated[float, Field(ge=0, le=0.5)] = 0.03
    newcomer_visits: Share = 0.20
    new_product_lines: Share = 0.08
    late_orders: Share = 0.01
    cancelled: Share = 0.18
    refunded: Share = 0.04
    coupons: Share = 0.12
    verified_reviews: Share = 0.70
    daily_moves: Share = 0.0002
    daily_price_changes: Share = 0.001


class IngestionConfig(_Model):
    """Everything but the days that decides a shop's rows."""

    seed: Annotated[int, Field(ge=0)] = 20260117
    scale: Annotated[float, Field(gt=0, le=1_000)] = 1.0
    history_days: Annotated[int, Field(ge=1, le=3_660)] = 90
    volumes: Volumes = Volumes()
    demand: Demand = Demand()
    shares: Shares = Shares()

    @model_validator(mode="after")
    def _no_more_orders_than_visits(self) -> "IngestionConfig":
        if self.volumes.transactions > self.volumes.sessions:
            raise ValueError("volumes.transactions exceeds volumes.sessions, but every order has a visit of its own")
        return self

    def scaled(self, volume: int) -> int:
        """This volume times `scale`, in whole rows."""
        return round(volume * self.scale)


def load_config(path: Path | None = None) -> IngestionConfig:
    """Read the configuration: `path`, else the file TILLROLL_INGESTION_CONFIG names, else config/ingestion.yml.

    Raises:
        ShopError: the file is missing or a value is not what its key takes; the text names file and key.
    """
    chosen = path or Path(os.environ.get(CONFIG_VARIABLE) or CONFIG_FOLDER / "ingestion.yml")
    try:
        content: Any = yaml.safe_load(chosen.read_text(encoding="utf-8"))
        return IngestionConfig.model_validate(content or {})
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ShopError(
            f"cannot read the shop's configuration {chosen}: {error}", f"Repair it, or unset {CONFIG_VARIABLE}."
        ) from error
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(str(part) for part in first["loc"]) or "the file"
        raise ShopError(f"{chosen}: {place}: {first['msg']}", "config/ingestion.yml explains each key.") from error
