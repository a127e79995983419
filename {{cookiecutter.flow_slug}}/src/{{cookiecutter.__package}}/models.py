"""The shapes of the data: what comes in, what goes on, what is reported."""

from datetime import date
from decimal import Decimal

from pydantic import BaseModel, Field


class Order(BaseModel):
    """One valid row of the orders file."""

    order_id: int = Field(gt=0)
    branch: str = Field(min_length=1)
    day: date
    units: int = Field(gt=0)
    unit_price: Decimal = Field(gt=0)


class BranchOrders(BaseModel):
    """One branch's valid orders, and how many of its rows were refused."""

    branch: str
    orders: list[Order]
    rejected: int


class BranchSummary(BaseModel):
    """What one branch sold, and how many of its rows were refused."""

    branch: str
    orders: int
    units: int
    revenue: Decimal
    rejected: int


class Report(BaseModel):
    """What the flow returns."""

    branches: int
    orders: int
    rejected: int
    revenue: Decimal
