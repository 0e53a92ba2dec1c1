-- The demo shop's books. Amounts are in minor units (fen), times ISO 8601 UTC.

CREATE TABLE IF NOT EXISTS products (
    sku         TEXT PRIMARY KEY,
    title_zh    TEXT NOT NULL,
    title_en    TEXT NOT NULL,
    aliases     TEXT NOT NULL DEFAULT '',      -- other names, separated by |
    price_minor INTEGER NOT NULL CHECK (price_minor >= 0),
    currency    TEXT NOT NULL,
    stock       INTEGER NOT NULL CHECK (stock >= 0),
    weight_g    INTEGER NOT NULL CHECK (weight_g >= 0),
    family      TEXT NOT NULL DEFAULT '',      -- variants of one product share it
    options     TEXT NOT NULL DEFAULT ''       -- size, colour …, separated by |
) STRICT;

CREATE TABLE IF NOT EXISTS customers (
    id           TEXT PRIMARY KEY,
    name         TEXT NOT NULL,
    locale       TEXT NOT NULL,
    points_minor INTEGER NOT NULL CHECK (points_minor >= 0),
    person       TEXT NOT NULL DEFAULT ''      -- accounts proven to be one person's
) STRICT;

CREATE TABLE IF NOT EXISTS orders (
    id                     TEXT PRIMARY KEY,
    user_id                TEXT NOT NULL REFERENCES customers (id),
    status                 TEXT NOT NULL CHECK (status IN
        ('unpaid', 'paid', 'shipped', 'delivered', 'completed', 'cancelled')),
    version                INTEGER NOT NULL CHECK (version >= 1),
    currency               TEXT NOT NULL,
    coupon_minor           INTEGER NOT NULL CHECK (coupon_minor >= 0),
    coupon_threshold_minor INTEGER NOT NULL CHECK (coupon_threshold_minor >= 0),
    points_minor           INTEGER NOT NULL CHECK (points_minor >= 0),
    freight_minor          INTEGER NOT NULL CHECK (freight_minor >= 0),
    paid_minor             INTEGER NOT NULL CHECK (paid_minor >= 0),
    refunded_minor         INTEGER NOT NULL DEFAULT 0,
    refunded_points_minor  INTEGER NOT NULL DEFAULT 0,
    name                   TEXT NOT NULL,
    phone                  TEXT NOT NULL,
    region                 TEXT NOT NULL,
    city                   TEXT NOT NULL,
    street                 TEXT NOT NULL,
    placed_at              TEXT NOT NULL,
    channel                TEXT NOT NULL,
    tracking_id            TEXT,
    delivered_at           TEXT,
    note                   TEXT NOT NULL DEFAULT '',
    deliver_on             TEXT,               -- date the customer asked for
    ships_with             TEXT,               -- order whose parcel it travels in
    CHECK (refunded_minor BETWEEN 0 AND paid_minor),
    CHECK (refunded_points_minor BETWEEN 0 AND points_minor)
) STRICT;

CREATE INDEX IF NOT EXISTS orders_of_customer ON orders (user_id, placed_at);

CREATE TABLE IF NOT EXISTS order_lines (
    order_id          TEXT NOT NULL REFERENCES orders (id),
    line              INTEGER NOT NULL CHECK (line >= 1),
    sku               TEXT NOT NULL REFERENCES products (sku),
    title_zh          TEXT NOT NULL,
    title_en          TEXT NOT NULL,
    quantity          INTEGER NOT NULL CHECK (quantity >= 1),
    unit_price_minor  INTEGER NOT NULL CHECK (unit_price_minor >= 0),
    weight_g          INTEGER NOT NULL CHECK (weight_g >= 0),
    refunded_quantity INTEGER NOT NULL DEFAULT 0,
    is_gift           INTEGER NOT NULL DEFAULT 0,
    gift_of           INTEGER NOT NULL DEFAULT 0,
    protected_minor   INTEGER NOT NULL DEFAULT 0,  -- price difference given back, of one unit
    replaced_quantity INTEGER NOT NULL DEFAULT 0,
    shipment          INTEGER NOT NULL DEFAULT 1,  -- parcel it goes in, from 1
    PRIMARY KEY (order_id, line),
    CHECK (refunded_quantity BETWEEN 0 AND quantity),
    CHECK (replaced_quantity BETWEEN 0 AND quantity),
    CHECK (protected_minor BETWEEN 0 AND unit_price_minor)
) STRICT;

CREATE TABLE IF NOT EXISTS parcels (
    tracking_id TEXT PRIMARY KEY,
    order_id    TEXT NOT NULL REFERENCES orders (id),
    carrier     TEXT NOT NULL,
    status      TEXT NOT NULL CHECK (status IN
        ('created', 'in_transit', 'out_for_delivery', 'delivered')),
    expected_on TEXT
) STRICT;

CREATE TABLE IF NOT EXISTS parcel_events (
    tracking_id TEXT NOT NULL REFERENCES parcels (tracking_id),
    at          TEXT NOT NULL,
    place       TEXT NOT NULL,
    text        TEXT NOT NULL,
    PRIMARY KEY (tracking_id, at)
) STRICT;

CREATE TABLE IF NOT EXISTS freight (
    region          TEXT PRIMARY KEY,
    first_kg_minor  INTEGER NOT NULL CHECK (first_kg_minor >= 0),
    next_kg_minor   INTEGER NOT NULL CHECK (next_kg_minor >= 0),
    free_from_minor INTEGER                     -- null: never free
) STRICT;

CREATE TABLE IF NOT EXISTS refunds (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    order_id     TEXT NOT NULL REFERENCES orders (id),
    line         INTEGER NOT NULL,              -- 0: not of one line
    quantity     INTEGER NOT NULL,
    amount_minor INTEGER NOT NULL CHECK (amount_minor >= 0),
    points_minor INTEGER NOT NULL CHECK (points_minor >= 0),
    status       TEXT NOT NULL CHECK (status IN
        ('awaiting_return', 'processing', 'paid_back')),
    reason       TEXT NOT NULL,
    requested_at TEXT NOT NULL,
    expected_by  TEXT,
    paid_at      TEXT,
    chased_at    TEXT
) STRICT;

CREATE TABLE IF NOT EXISTS invoices (
    id           TEXT PRIMARY KEY,
    order_id     TEXT NOT NULL REFERENCES orders (id),
    title        TEXT NOT NULL,
    tax_id       TEXT NOT NULL DEFAULT '',
    kind         TEXT NOT NULL CHECK (kind IN ('personal', 'company')),
    email        TEXT NOT NULL DEFAULT '',
    amount_minor INTEGER NOT NULL CHECK (amount_minor >= 0),
    status       TEXT NOT NULL CHECK (status IN ('issued', 'void')),
    issued_at    TEXT NOT NULL
) STRICT;

CREATE TABLE IF NOT EXISTS replacements (
    id       INTEGER PRIMARY KEY AUTOINCREMENT,
    order_id TEXT NOT NULL REFERENCES orders (id),
    line     INTEGER NOT NULL,
    quantity INTEGER NOT NULL CHECK (quantity >= 1),
    sku      TEXT NOT NULL REFERENCES products (sku),
    reason   TEXT NOT NULL CHECK (reason IN
        ('damaged', 'missing', 'wrong_item', 'gift', 'exchange')),
    evidence TEXT NOT NULL DEFAULT '',
    status   TEXT NOT NULL CHECK (status IN ('created', 'awaiting_return')),
    at       TEXT NOT NULL
) STRICT;

CREATE TABLE IF NOT EXISTS payment_links (
    id            INTEGER PRIMARY KEY AUTOINCREMENT,
    token         TEXT NOT NULL UNIQUE,
    order_id      TEXT NOT NULL REFERENCES orders (id),
    order_version INTEGER NOT NULL,
    amount_minor  INTEGER NOT NULL CHECK (amount_minor > 0),
    freight_minor INTEGER NOT NULL,
    address       TEXT NOT NULL,                -- JSON, applied once paid
    status        TEXT NOT NULL CHECK (status IN ('open', 'paid', 'void')),
    created_at    TEXT NOT NULL,
    purpose       TEXT NOT NULL DEFAULT 'address' CHECK (purpose IN ('address', 'exchange')),
    payload       TEXT NOT NULL DEFAULT ''      -- JSON of another purpose, applied once paid
) STRICT;

CREATE TABLE IF NOT EXISTS notifications (
    id       INTEGER PRIMARY KEY AUTOINCREMENT,
    user_id  TEXT NOT NULL REFERENCES customers (id),
    template TEXT NOT NULL,
    text     TEXT NOT NULL,
    at       TEXT NOT NULL
) STRICT;

-- One row per effect, written in the transaction of the effect itself.
CREATE TABLE IF NOT EXISTS effects (
    key     TEXT PRIMARY KEY,
    kind    TEXT NOT NULL,
    request TEXT NOT NULL,                      -- SHA-256 of kind, customer and body
    receipt TEXT NOT NULL,
    detail  TEXT NOT NULL,                      -- JSON
    at      TEXT NOT NULL
) STRICT;

CREATE TABLE IF NOT EXISTS facts (
    name  TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT;

CREATE TABLE IF NOT EXISTS coupons (
    id              TEXT PRIMARY KEY,
    user_id         TEXT NOT NULL REFERENCES customers (id),
    off_minor       INTEGER NOT NULL CHECK (off_minor > 0),
    threshold_minor INTEGER NOT NULL CHECK (threshold_minor >= 0),
    last_day        TEXT NOT NULL               -- last day of use, ISO 8601
) STRICT;
