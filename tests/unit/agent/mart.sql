-- A small shop with what statements are mostly wrong about: keys, comments, a word of SQL as a name, capitals and blanks,
-- text that holds dates, an enum.
CREATE SCHEMA mart;
CREATE TYPE mart.order_state AS ENUM ('open', 'paid', 'shipped', 'cancelled');
CREATE TABLE mart.countries (code text PRIMARY KEY, name text NOT NULL);
CREATE TABLE mart.customers (id integer PRIMARY KEY, full_name text, email text, country_code text REFERENCES mart.countries,
    birth_date date, is_vip boolean, created_at timestamptz);
CREATE TABLE mart.products (id integer PRIMARY KEY, title text, unit_price numeric(10,2), category text,
    "Weight (kg)" numeric, "madeIn" text);
CREATE TABLE mart.orders (id integer PRIMARY KEY, customer_id integer REFERENCES mart.customers, state mart.order_state,
    ordered_on date, amount numeric(10,2), month_text text, note text);
CREATE TABLE mart.order_items (order_id integer REFERENCES mart.orders, product_id integer REFERENCES mart.products,
    quantity integer, discount numeric(4,2));
CREATE TABLE mart.shipments (id integer PRIMARY KEY, order_id integer REFERENCES mart.orders, carrier text,
    shipped_at timestamptz, seconds_late double precision);
CREATE TABLE mart.districts (id integer PRIMARY KEY, a11 integer, a12 numeric);
CREATE TABLE mart."user" (id integer PRIMARY KEY, login text);
COMMENT ON COLUMN mart.customers.full_name IS 'the customer''s name';
COMMENT ON COLUMN mart.districts.a11 IS 'Average salary';
COMMENT ON COLUMN mart.districts.a12 IS 'Unemployment rate in 1995';
COMMENT ON TABLE mart.shipments IS 'Deliveries of orders';
INSERT INTO mart.countries VALUES ('CZE', 'Czechia'), ('DEU', 'Germany');
INSERT INTO mart.customers SELECT n, 'Customer ' || n, n || '@example.com', 'CZE', '1990-01-01', false, now()
    FROM generate_series(1, 5) n;
INSERT INTO mart.products SELECT n, 'Product ' || n, n, 'Books', n, 'Prague' FROM generate_series(1, 5) n;
INSERT INTO mart.orders SELECT n, n % 5 + 1, 'paid', date '2025-01-01' + n, n, '2025' || lpad((n % 12 + 1)::text, 2, '0')
    FROM generate_series(1, 24) n;
INSERT INTO mart.order_items SELECT n, n % 5 + 1, 0, 0 FROM generate_series(1, 24) n;
ANALYZE mart.countries, mart.customers, mart.products, mart.orders, mart.order_items;
GRANT USAGE ON SCHEMA mart TO agent_reader;
GRANT SELECT ON ALL TABLES IN SCHEMA mart TO agent_reader;
