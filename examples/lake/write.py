"""Writes the sample lake of the quickstart: three small Delta tables in the schema folder `gold`.

    pip install -r requirements.txt
    python write.py

All people, products and orders are invented: names are combined at random, with a fixed seed. Running it again gives
the same rows in files of other names.
"""

import datetime as dt
import json
import random
import shutil
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
from deltalake import DeltaTable, write_deltalake

GOLD = Path(__file__).resolve().parent / "gold"
UTC = dt.timezone.utc
random.seed(20260801)

GIVEN_NAMES = """Ada Amélie Bjørn Chidi Dilnoza Eun-ji Faruk Giulia Hana Ikaika Jürgen Kwame Leïla Matej Nanami Oluwaseun
Paweł Quyên Ramón Søren Thandiwe Usha Véronique Wren Ximena Yaël Zsófia""".split()
FAMILY_NAMES = """Abara Bergström Castañeda Dvořák Eriksen Fontaine Grünwald Hosseini Ito Järvinen Kowalczyk Lindqvist
Møller Nakamura O'Hara Petrović Quispe Rossi Şahin Tanaka Urrutia Vũ Weiß Yılmaz Ångström""".split()
CITIES = [
    ("Lisboa", "PT"), ("Kraków", "PL"), ("Malmö", "SE"), ("Zürich", "CH"), ("São Paulo", "BR"),
    ("Nairobi", "KE"), ("Hà Nội", "VN"), ("Kyōto", "JP"), ("Montréal", "CA"), ("Izmir", "TR"),
]
STREETS = ["Harbour Lane", "Linden Road", "Mill Street", "Orchard Way", "Station Square", "Windmill Hill"]
TAGS = ["beta", "early-bird", "newsletter", "partner", "premium", "returning", "trial", "vip"]
PRODUCTS = [
    ("Aurora desk lamp", "39.90"), ("Basalt mug", "14.50"), ("Cedar notebook", "9.80"), ("Drift hammock", "79.00"),
    ("Ember kettle", "54.25"), ("Fjord blanket", "64.00"), ("Gale kite", "24.99"), ("Halo clock", "33.10"),
    ("Iris vase", "27.75"), ("Juniper candle", "12.00"), ("Kestrel backpack", "119.00"), ("Lumen torch", "18.40"),
]


def moment(start: dt.datetime, days: int) -> dt.datetime:
    """A random instant, to the microsecond, in the `days` days after `start`."""
    return start + dt.timedelta(microseconds=random.randrange(days * 86_400_000_000))


def address() -> dict:
    city, country = random.choice(CITIES)
    return {
        "street": f"{random.randint(1, 180)} {random.choice(STREETS)}",
        "city": city,
        "postal_code": f"{random.randint(1000, 99999):05d}",
        "country": country,
    }


PROFILE = pa.schema([
    pa.field("user_id", pa.int64(), nullable=False),
    pa.field("name", pa.string()),
    pa.field("balance", pa.decimal128(12, 2)),
    pa.field("score", pa.float64()),
    pa.field("signup_date", pa.date32()),
    pa.field("last_seen", pa.timestamp("us", tz="UTC")),
    pa.field("is_active", pa.bool_()),
    pa.field("tags", pa.list_(pa.string())),
    pa.field("address", pa.struct([(name, pa.string()) for name in ("street", "city", "postal_code", "country")])),
])


def profile(user_id: int) -> dict:
    signup = dt.date(2023, 1, 1) + dt.timedelta(days=random.randrange(1000))
    return {
        "user_id": user_id,
        "name": f"{random.choice(GIVEN_NAMES)} {random.choice(FAMILY_NAMES)}",
        "balance": Decimal(random.randint(-5_000, 250_000)) / 100,
        "score": round(random.betavariate(2, 3), 4),
        "signup_date": signup,
        "last_seen": moment(dt.datetime(2026, 5, 1, tzinfo=UTC), 90) if random.random() < 0.9 else None,
        "is_active": random.random() < 0.8,
        "tags": sorted(random.sample(TAGS, random.randint(0, 3))),
        "address": address() if random.random() < 0.95 else None,
    }


def write_user_profiles() -> None:
    """Versions 0 to 5: create with change data feed, two appends, an update, a merge, a delete."""
    path = new_folder("user_profiles")
    DeltaTable.create(
        path,
        PROFILE,
        name="user_profiles",
        description="Customers as the website shows them",
        configuration={"delta.enableChangeDataFeed": "true"},
    )
    first = [profile(user_id) for user_id in range(1001, 1161)]
    write_deltalake(path, pa.Table.from_pylist(first, PROFILE), mode="append")
    write_deltalake(path, pa.Table.from_pylist([profile(id) for id in range(1161, 1207)], PROFILE), mode="append")
    DeltaTable(path).update(updates={"balance": "balance + 10.00"}, predicate="user_id % 20 = 0")
    changed = [{**row, "score": 0.99, "tags": ["vip"]} for row in first[5:9]] + [profile(id) for id in (1207, 1208)]
    (
        DeltaTable(path)
        .merge(pa.Table.from_pylist(changed, PROFILE), "t.user_id = s.user_id", source_alias="s", target_alias="t")
        .when_matched_update_all()
        .when_not_matched_insert_all()
        .execute()
    )
    DeltaTable(path).delete("user_id in (1013, 1077, 1142)")


def write_orders() -> None:
    """Partitioned by month; versions 0 to 3."""
    path = new_folder("orders")
    schema = pa.schema([
        pa.field("order_id", pa.int64(), nullable=False),
        pa.field("user_id", pa.int64()),
        pa.field("ordered_at", pa.timestamp("us", tz="UTC")),
        pa.field("order_month", pa.string()),
        pa.field("status", pa.string()),
        pa.field("total", pa.decimal128(10, 2)),
        pa.field("items", pa.list_(pa.struct([
            ("product", pa.string()), ("quantity", pa.int32()), ("unit_price", pa.decimal128(8, 2)),
        ]))),
    ])

    def order(order_id: int, month: int) -> dict:
        chosen = random.sample(PRODUCTS, random.randint(1, 3))
        items = [{"product": n, "quantity": random.randint(1, 4), "unit_price": Decimal(p)} for n, p in chosen]
        ordered_at = moment(dt.datetime(2026, month, 1, tzinfo=UTC), 28)
        return {
            "order_id": order_id,
            "user_id": random.randint(1001, 1208),
            "ordered_at": ordered_at,
            "order_month": f"2026-{month:02d}",
            "status": random.choice(["delivered", "delivered", "shipped", "paid", "returned"]),
            "total": sum(item["quantity"] * item["unit_price"] for item in items),
            "items": items,
        }

    for month in (5, 6, 7):
        rows = [order(month * 1000 + n, month) for n in range(100)]
        write_deltalake(path, pa.Table.from_pylist(rows, schema), mode="append", partition_by=["order_month"])
    DeltaTable(path).update(new_values={"status": "delivered"}, predicate="status = 'shipped' and order_month = '2026-05'")


def write_product_events() -> None:
    """Every change of a product as a row: several rows a product_id, the newest by updated_at counts."""
    path = new_folder("product_events")
    schema = pa.schema([
        pa.field("product_id", pa.int64()),
        pa.field("updated_at", pa.timestamp("us", tz="UTC")),
        pa.field("name", pa.string()),
        pa.field("price", pa.decimal128(8, 2)),
        pa.field("stock", pa.int32()),
        pa.field("attributes", pa.map_(pa.string(), pa.string())),
    ])

    def event(product_id: int) -> dict:
        name, price = PRODUCTS[product_id - 1]
        return {
            "product_id": product_id,
            "updated_at": moment(dt.datetime(2026, 6, 1, tzinfo=UTC), 60),
            "name": name,
            "price": (Decimal(price) * random.choice([Decimal("0.9"), 1, 1, Decimal("1.1")])).quantize(Decimal("0.01")),
            "stock": random.randint(0, 400),
            "attributes": {"colour": random.choice(["ochre", "slate", "moss"]), "origin": random.choice(CITIES)[1]},
        }

    for _ in range(2):
        rows = [event(random.randint(1, len(PRODUCTS))) for _ in range(60)]
        write_deltalake(path, pa.Table.from_pylist(rows, schema), mode="append")


def new_folder(table: str) -> str:
    path = GOLD / table
    shutil.rmtree(path, ignore_errors=True)
    path.mkdir(parents=True)
    return str(path)


def forget_machine() -> None:
    """Takes the folder's own place on this machine out of the logs."""
    for file in GOLD.glob("*/_delta_log/*.json"):
        commit = [json.loads(line) for line in file.read_text().splitlines()]
        for action in commit:
            action.get("commitInfo", {}).get("operationParameters", {}).pop("location", None)
        file.write_text("".join(json.dumps(action, separators=(",", ":")) + "\n" for action in commit))


if __name__ == "__main__":
    write_user_profiles()
    write_orders()
    write_product_events()
    forget_machine()
