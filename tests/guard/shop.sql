-- The database that the corpora here speak of, with traps: whatever stands in the way of a name that a statement may use
-- (functions named like columns and like PostgreSQL's own, operators, casts, domains, views) draws from trap.hits when it is run.
CREATE SCHEMA shop;
CREATE SCHEMA hr;
CREATE SCHEMA trap;
CREATE SEQUENCE trap.hits;

CREATE TABLE shop.customers (id integer PRIMARY KEY, name text, email text, region text, created_at timestamptz);
CREATE TABLE shop.products (id integer PRIMARY KEY, name text, category text, price numeric(10,2), tags text[]);
CREATE TABLE shop.orders (id integer PRIMARY KEY, customer_id integer REFERENCES shop.customers, status text, total numeric(10,2),
	created_at timestamptz, metadata jsonb);
CREATE TABLE shop.order_items (id integer PRIMARY KEY, order_id integer REFERENCES shop.orders,
	product_id integer REFERENCES shop.products, qty integer, unit_price numeric(10,2));
CREATE TABLE shop.salaries (id integer PRIMARY KEY, employee text, amount numeric);
CREATE TABLE hr.employees (id integer PRIMARY KEY, name text, salary numeric);
CREATE TABLE public.employees AS SELECT * FROM hr.employees;
CREATE SEQUENCE shop.order_seq;

INSERT INTO shop.customers SELECT g, 'Customer ' || g, 'user' || g || '@example.com', (ARRAY['EU','US','APAC','LATAM'])[1 + g % 4],
	'2024-01-01'::timestamptz + g * interval '7 hours' FROM generate_series(1, 500) g;
INSERT INTO shop.products SELECT g, 'Product ' || g, (ARRAY['books','toys','games','food'])[1 + g % 4], (g * 37 % 900) / 9.0,
	ARRAY['t' || g % 5, 't' || g % 3] FROM generate_series(1, 60) g;
INSERT INTO shop.orders SELECT g, 1 + g * 7 % 500, (ARRAY['paid','pending','shipped','refunded'])[1 + g % 4], (g * 53 % 4000) / 10.0,
	'2024-01-01'::timestamptz + g * interval '3 hours', jsonb_build_object('channel', (ARRAY['web','shop'])[1 + g % 2],
	'items', jsonb_build_array(g % 3, g % 5)) || CASE WHEN g % 10 = 0 THEN '{"coupon": "X"}' ELSE '{}' END::jsonb
	FROM generate_series(1, 2000) g;
INSERT INTO shop.order_items SELECT g, 1 + g % 2000, 1 + g % 60, 1 + g % 5, (g * 11 % 700) / 7.0 FROM generate_series(1, 5000) g;
INSERT INTO shop.salaries SELECT g, 'Employee ' || g, 50000 + g * 100 FROM generate_series(1, 50) g;
INSERT INTO hr.employees SELECT g, 'Employee ' || g, 50000 + g * 100 FROM generate_series(1, 50) g;

CREATE FUNCTION trap.spring() RETURNS void LANGUAGE sql SECURITY DEFINER AS $$ SELECT nextval('trap.hits'); SELECT NULL::void $$;
CREATE VIEW shop.v_all AS SELECT * FROM shop.salaries;
CREATE MATERIALIZED VIEW shop.mv AS SELECT 1 AS a;

-- Named like a column that a row of the table might have, and like functions that statements call.
DO $$
DECLARE
	t text;
	f text;
BEGIN
	FOREACH t IN ARRAY ARRAY['customers', 'orders', 'order_items', 'products'] LOOP
		FOREACH f IN ARRAY ARRAY['secret', 'doubled', 'revenue', 'count', 'sum', 'lower', 'month', 'key'] LOOP
			EXECUTE format('CREATE FUNCTION shop.%I(shop.%I) RETURNS text LANGUAGE sql SECURITY DEFINER AS '
				'''SELECT trap.spring(); SELECT max(employee) FROM shop.salaries''', f, t);
		END LOOP;
	END LOOP;
	FOREACH f IN ARRAY ARRAY['lower', 'upper', 'length', 'md5', 'initcap', 'btrim', 'evil'] LOOP
		EXECUTE format('CREATE FUNCTION shop.%I(text) RETURNS text LANGUAGE sql SECURITY DEFINER AS '
			'''SELECT trap.spring(); SELECT $1''', f);
		EXECUTE format('CREATE FUNCTION public.%I(varchar) RETURNS text LANGUAGE sql SECURITY DEFINER AS '
			'''SELECT trap.spring(); SELECT $1''', f);
	END LOOP;
END
$$;
CREATE FUNCTION hr.leak() RETURNS numeric LANGUAGE sql SECURITY DEFINER AS
	$$ SELECT trap.spring(); SELECT max(salary) FROM hr.employees $$;
CREATE FUNCTION shop.wipe() RETURNS void LANGUAGE sql SECURITY DEFINER AS $$ SELECT trap.spring(); DELETE FROM shop.orders $$;
CREATE FUNCTION hr.sprung(text) RETURNS boolean LANGUAGE sql SECURITY DEFINER AS $$ SELECT trap.spring(); SELECT true $$;
CREATE DOMAIN hr.evil_domain AS text CHECK (hr.sprung(VALUE));
CREATE DOMAIN shop.evil_domain AS text CHECK (hr.sprung(VALUE));
CREATE TYPE hr.t AS (a integer);
CREATE COLLATION hr.evil FROM "C";

CREATE FUNCTION hr.plus(integer, integer) RETURNS integer LANGUAGE sql SECURITY DEFINER AS $$ SELECT trap.spring(); SELECT $1 $$;
CREATE OPERATOR hr.+ (LEFTARG = integer, RIGHTARG = integer, FUNCTION = hr.plus);
CREATE OPERATOR shop.+ (LEFTARG = integer, RIGHTARG = integer, FUNCTION = hr.plus);
CREATE FUNCTION shop.same(text, text) RETURNS boolean LANGUAGE sql SECURITY DEFINER AS $$ SELECT trap.spring(); SELECT true $$;
CREATE OPERATOR shop.= (LEFTARG = text, RIGHTARG = text, FUNCTION = shop.same);
CREATE OPERATOR public.~~ (LEFTARG = text, RIGHTARG = text, FUNCTION = shop.same);
CREATE FUNCTION shop.cast_customer(shop.customers) RETURNS integer LANGUAGE sql SECURITY DEFINER AS
	$$ SELECT trap.spring(); SELECT 1 $$;
CREATE CAST (shop.customers AS integer) WITH FUNCTION shop.cast_customer(shop.customers);
CREATE AGGREGATE shop.sum(text) (SFUNC = textcat, STYPE = text);

GRANT USAGE ON SCHEMA shop TO reader;
GRANT SELECT ON shop.customers, shop.orders, shop.order_items, shop.products TO reader;
ANALYZE;
