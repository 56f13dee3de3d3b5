-- The rows, the same on every machine: instead of random() a hash of row number and purpose, in whole
-- numbers.
SET TIME ZONE 'UTC';

-- A number from 0 (included) to 1 (excluded) that looks random; salt says what it is for.
CREATE FUNCTION pg_temp.u(n bigint, salt integer) RETURNS double precision LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
	a bigint := (n * 1103515245 + salt::bigint * 128201637 + 777) % 2147483647;
	b bigint := (a # (a >> 15)) * 2246822519 % 2147483647;
BEGIN
	RETURN ((b # (b >> 13)) * 1266489917 % 2147483647) / 2147483647.0::double precision;
END
$$;
-- An element of a list.
CREATE FUNCTION pg_temp.pick(list text[], n bigint, salt integer) RETURNS text LANGUAGE sql IMMUTABLE AS $$
	SELECT list[1 + floor(pg_temp.u(n, salt) * cardinality(list))::integer]
$$;

INSERT INTO shop.countries VALUES
	('AT', 'Austria', 'Central Europe'), ('CA', 'Canada', 'North America'),
		('CH', 'Switzerland', 'Central Europe'),
	('DE', 'Germany', 'Central Europe'), ('DK', 'Denmark', 'Northern Europe'),
		('ES', 'Spain', 'Southern Europe'),
	('FR', 'France', 'Western Europe'), ('GB', 'United Kingdom', 'Western Europe'),
		('IT', 'Italy', 'Southern Europe'),
	('NL', 'Netherlands', 'Western Europe'), ('SE', 'Sweden', 'Northern Europe'),
		('US', 'United States', 'North America');

-- Products: a category's nouns, each in two finishes. Popularity falls with the number within the category.
CREATE TEMP TABLE product_draft AS
SELECT (c.no - 1) * 20 + (n.no - 1) * 2 + f.no AS id, c.code || '-' || lpad(((n.no - 1) * 2 + f.no)::text, 3,
	'0') AS sku,
	c.finishes[f.no * 5 - 4 + (n.no::integer - 1) % 5] || ' ' || split_part(n.noun, ':', 1) AS name,
		c.category,
	round((split_part(n.noun, ':', 2)::numeric * (1 + 0.35 * (f.no - 1))), 0) - 0.10 AS price,
	split_part(n.noun, ':', 3)::integer AS weight_g, c.summer,
	40.0 / (3 + (n.no - 1) * 2 + f.no) AS popularity
FROM (VALUES
	(1, 'KIT', 'Kitchen', 0.95,
		ARRAY['Aurora', 'Copper', 'Nordlys', 'Basalt', 'Linden', 'Aurora Pro', 'Hammered', 'Juniper',
			'Marble', 'Walnut'],
	 ARRAY['Electric Kettle:49:1400', 'Chef Knife:59:320', 'Cast Iron Pan:69:2900',
	 	'Coffee Grinder:89:1800', 'Bread Box:39:2100',
	       'Cutting Board:35:1500', 'Stock Pot:79:2600', 'Pepper Mill:29:450', 'Mixing Bowls:45:1700',
	       	'Tea Towels:19:300']),
	(2, 'GAR', 'Garden', 1.75,
		ARRAY['Oak', 'Green', 'Riverside', 'Sturdy', 'Meadow', 'Cedar', 'Forged', 'Hillside', 'Slim',
			'Orchard'],
	 ARRAY['Raised Bed:119:9800', 'Watering Can:34:1300', 'Pruning Shears:39:380', 'Garden Fork:49:1900',
	 	'Seed Box:24:600',
	       'Hose Reel:79:5200', 'Bird Feeder:29:900', 'Compost Bin:89:7400', 'Plant Stand:45:2700',
	       	'Work Gloves:17:160']),
	(3, 'OUT', 'Outdoor', 1.55,
		ARRAY['Harbour', 'Ember', 'Trail', 'Lakeside', 'Summit', 'Dune', 'Glow', 'Ridge', 'Bay',
			'Peak'],
	 ARRAY['Folding Chair:69:4100', 'Fire Bowl:129:8900', 'Picnic Blanket:39:1200', 'Cool Box:79:3600',
	 	'Camping Lantern:45:700',
	       'Hammock:85:2300', 'Enamel Mugs:27:800', 'Parasol:99:6200', 'Thermos Flask:35:550',
	       	'Rain Poncho:29:400']),
	(4, 'OFF', 'Home Office', 0.9,
		ARRAY['Atelier', 'Beacon', 'Ledger', 'Quiet', 'Maple', 'Studio', 'Compass', 'Harvard', 'Felt',
			'Birch'],
	 ARRAY['Standing Desk:389:31000', 'Desk Chair:249:16500', 'Monitor Arm:99:3900', 'Desk Mat:35:900',
	 	'Drawer Unit:139:14800',
	       'Bookshelf:179:22000', 'Pen Tray:22:500', 'Paper Shelf:29:1100', 'Foot Rest:49:2200',
	       	'Wall Planner:19:350']),
	(5, 'BED', 'Bedroom', 0.9,
		ARRAY['Cloud', 'Alpine', 'Moonlit', 'Heather', 'Cotton', 'Feather', 'Winter', 'Dawn', 'Rose',
			'Lavender'],
	 ARRAY['Duvet:129:2100', 'Pillow:49:900', 'Sheet Set:79:1600', 'Wool Blanket:99:1900',
	 	'Bed Frame:329:38000',
	       'Mattress Topper:149:6200', 'Bedside Table:89:7100', 'Alarm Clock:35:300', 'Quilt:109:2400',
	       	'Linen Spray:15:250']),
	(6, 'LIG', 'Lighting', 0.75,
		ARRAY['Opal', 'Brass', 'Halo', 'Smoke', 'Paper', 'Pearl', 'Iron', 'Corona', 'Amber', 'Rice'],
	 ARRAY['Table Lamp:59:1700', 'Floor Lamp:129:5600', 'Pendant Light:89:2100', 'Wall Light:65:1200',
	 	'String Lights:25:400',
	       'Desk Lamp:69:1900', 'Night Light:19:200', 'Ceiling Light:109:3100', 'Candle Holder:29:800',
	       	'Lamp Shade:35:500'])
) AS c(no, code, category, summer, finishes, nouns),
	unnest(c.nouns) WITH ORDINALITY AS n(noun, no), generate_series(1, 2) AS f(no);

INSERT INTO shop.products
SELECT id, sku, name, category, price, round(price * (0.38 + 0.25 * pg_temp.u(id, 1))::numeric, 2), weight_g,
	CASE WHEN sku = 'KIT-002' THEN date '2024-09-02'
	     WHEN id % 9 = 4 THEN date '2024-01-15' + floor(pg_temp.u(id, 2) * 600)::integer
	     ELSE date '2020-03-01' + floor(pg_temp.u(id, 3) * 1300)::integer END
FROM product_draft;

-- For each month a thousand places, dealt out to the products on sale by popularity and season.
CREATE TEMP TABLE shelf AS
WITH weighed AS (
	SELECT m.month, d.id, d.popularity * CASE
			WHEN extract(month FROM m.month) BETWEEN 4 AND 8 THEN d.summer
			WHEN extract(month FROM m.month) IN (11, 12, 1, 2) THEN 2 - d.summer ELSE 1 END
		* CASE WHEN d.sku = 'KIT-002' THEN 2.4 ELSE 1 END AS weight
	FROM generate_series(timestamp '2024-01-01', timestamp '2025-12-01', interval '1 month') AS m(month)
		JOIN product_draft d ON true JOIN shop.products p ON p.id = d.id AND p.launched_on <= m.month
), summed AS (
	SELECT month, id, sum(weight) OVER (PARTITION BY month ORDER BY id) AS upto, weight,
		sum(weight) OVER (PARTITION BY month) AS whole
	FROM weighed
)
SELECT month, id AS product_id, place
FROM summed, generate_series(ceil(1000 * (upto - weight) / whole)::integer,
	ceil(1000 * upto / whole)::integer - 1) AS place;
CREATE INDEX ON shelf (month, place);
ANALYZE shelf;

-- How much happens on each day: growth, months, weekdays, holidays, the payment outage of July 2025.
CREATE TEMP TABLE days AS
SELECT day::date AS day, no, outage,
	floor(30.5 * (1 + no * 0.00095) * month * weekday * holiday * (0.92 + 0.16 * pg_temp.u(no, 10))
		* CASE WHEN outage THEN 0.93 WHEN day::date IN ('2025-07-18', '2025-07-19') THEN 1.3
			ELSE 1 END)::integer AS orders,
	floor(7.6 * (1 + no * 0.0009) * month * (0.8 + 0.4 * pg_temp.u(no, 11)))::integer AS signups,
	floor(136 * (1 + no * 0.0007) * month * weekday * sqrt(holiday) *
		(0.94 + 0.12 * pg_temp.u(no, 12)))::integer AS visits
FROM (
	SELECT day, extract(day FROM day - timestamp '2024-01-01')::integer AS no,
		day BETWEEN '2025-07-14' AND '2025-07-17' AS outage,
		(ARRAY[0.88,0.83,0.92,0.97,1.02,0.99,0.84,0.81,0.96,1.04,1.32,1.46])[extract(month
			FROM day)::integer]::float8 AS month,
		(ARRAY[1.12,1.03,0.99,0.96,0.90,0.86,1.16])[extract(isodow FROM day)::integer]::float8 AS
			weekday,
		(CASE WHEN day::date IN ('2024-11-29', '2025-11-28') THEN 2.3
		      WHEN day::date IN ('2024-11-30', '2024-12-01', '2024-12-02', '2025-11-29', '2025-11-30',
		      	'2025-12-01') THEN 1.6
		      WHEN to_char(day, 'MM-DD') BETWEEN '12-05' AND '12-17' THEN 1.3
		      WHEN to_char(day, 'MM-DD') BETWEEN '12-22' AND '12-26' THEN 0.45
		      WHEN to_char(day, 'MM-DD') IN ('12-31', '01-01') THEN 0.6 ELSE 1 END)::float8 AS holiday
	FROM generate_series(timestamp '2024-01-01', timestamp '2025-12-31', interval '1 day') AS day
) AS d;

CREATE TEMP TABLE people (code text, share integer, first text[], last text[]);
INSERT INTO people VALUES
	('DE', 26, ARRAY['Anna', 'Ben', 'Clara', 'David', 'Emilia', 'Felix', 'Greta', 'Hannes', 'Ida',
		'Jonas', 'Katharina', 'Lukas', 'Marie', 'Niklas', 'Paula', 'Simon', 'Theresa', 'Uwe'],
	 ARRAY['Albrecht', 'Bauer', 'Dietrich', 'Engel', 'Fischer', 'Graf', 'Hartmann', 'Huber', 'Jung',
	 	'Keller', 'Lang', 'Meyer', 'Neumann', 'Otto', 'Peters', 'Richter', 'Schmidt', 'Schulz',
	 	'Vogel', 'Wagner', 'Winter', 'Zimmermann']),
	('GB', 15, ARRAY['Alice', 'Barnaby', 'Charlotte', 'Dylan', 'Eleanor', 'Freddie', 'Grace', 'Harry',
		'Imogen', 'Jack', 'Lily', 'Mohammed', 'Nina', 'Oliver', 'Priya', 'Rosie', 'Samuel', 'Tom'],
	 ARRAY['Adams', 'Barker', 'Clarke', 'Davies', 'Edwards', 'Foster', 'Green', 'Hughes', 'Jackson',
	 	'Khan', 'Lewis', 'Morgan', 'Owen', 'Patel', 'Roberts', 'Shaw', 'Taylor', 'Walker', 'Wood',
	 	'Wright']),
	('US', 14, ARRAY['Abigail', 'Brandon', 'Carmen', 'Derek', 'Emma', 'Frank', 'Gabriela', 'Henry',
		'Isabel', 'James', 'Kayla', 'Liam', 'Mia', 'Noah', 'Olivia', 'Ryan', 'Sofia', 'Tyler'],
	 ARRAY['Anderson', 'Brooks', 'Carter', 'Diaz', 'Evans', 'Garcia', 'Hill', 'Johnson', 'Kim', 'Lopez',
	 	'Miller', 'Nguyen', 'Parker', 'Ramirez', 'Scott', 'Thompson', 'Turner', 'White', 'Young']),
	('FR', 12, ARRAY['Adele', 'Baptiste', 'Camille', 'Damien', 'Elise', 'Florian', 'Gabrielle', 'Hugo',
		'Ines', 'Julien', 'Lea', 'Mathieu', 'Nathalie', 'Olivier', 'Pauline', 'Romain'],
	 ARRAY['Andre', 'Bernard', 'Chevalier', 'Dubois', 'Durand', 'Faure', 'Garnier', 'Henry', 'Lambert',
	 	'Leroy', 'Martin', 'Moreau', 'Petit', 'Robert', 'Rousseau', 'Simon', 'Vidal']),
	('NL', 7, ARRAY['Anouk', 'Bram', 'Daan', 'Eva', 'Femke', 'Joris', 'Lotte', 'Maarten', 'Noor',
		'Pieter', 'Sanne', 'Thijs'],
	 ARRAY['Bakker', 'Bos', 'de Boer', 'de Vries', 'Dekker', 'Hendriks', 'Jansen', 'Mulder', 'Smit',
	 	'van Dijk', 'van den Berg', 'Visser']),
	('IT', 5, ARRAY['Alessia', 'Bruno', 'Chiara', 'Davide', 'Elena', 'Fabio', 'Giulia', 'Luca', 'Marta',
		'Paolo', 'Sara', 'Tommaso'],
	 ARRAY['Bianchi', 'Colombo', 'Conti', 'Costa', 'Esposito', 'Ferrari', 'Gallo', 'Greco', 'Marino',
	 	'Ricci', 'Romano', 'Russo']),
	('ES', 5, ARRAY['Alba', 'Carlos', 'Diego', 'Elena', 'Ignacio', 'Javier', 'Lucia', 'Marina', 'Nuria',
		'Pablo', 'Raquel', 'Sergio'],
	 ARRAY['Alonso', 'Blanco', 'Castro', 'Delgado', 'Fernandez', 'Gomez', 'Hernandez', 'Martinez',
	 	'Navarro', 'Ortega', 'Ruiz', 'Torres']),
	('AT', 4, ARRAY['Barbara', 'Christoph', 'Elisabeth', 'Florian', 'Johanna', 'Lorenz', 'Magdalena',
		'Stefan', 'Valentin', 'Verena'],
	 ARRAY['Berger', 'Eder', 'Fuchs', 'Gruber', 'Hofer', 'Leitner', 'Mayer', 'Moser', 'Pichler',
	 	'Steiner']),
	('CH', 4, ARRAY['Beat', 'Claudia', 'Daniela', 'Fabienne', 'Luc', 'Nadine', 'Reto', 'Sandra', 'Urs',
		'Yves'],
	 ARRAY['Ammann', 'Baumann', 'Favre', 'Frei', 'Gerber', 'Kunz', 'Meier', 'Roth', 'Sutter', 'Weber']),
	('SE', 3, ARRAY['Astrid', 'Bjorn', 'Ebba', 'Elin', 'Gustav', 'Karin', 'Lars', 'Maja', 'Nils',
		'Oskar'],
	 ARRAY['Andersson', 'Berg', 'Eriksson', 'Forsberg', 'Johansson', 'Lindqvist', 'Nilsson', 'Persson',
	 	'Sandberg', 'Svensson']),
	('CA', 3, ARRAY['Amelie', 'Connor', 'Dominic', 'Ethan', 'Hannah', 'Jasmine', 'Logan', 'Megan', 'Owen',
		'Zoe'],
	 ARRAY['Campbell', 'Chan', 'Fraser', 'Gagnon', 'MacDonald', 'Roy', 'Singh', 'Stewart', 'Tremblay',
	 	'Wilson']),
	('DK', 2, ARRAY['Anders', 'Camilla', 'Freja', 'Kasper', 'Laerke', 'Mikkel', 'Rasmus', 'Signe'],
	 ARRAY['Christensen', 'Hansen', 'Jensen', 'Larsen', 'Madsen', 'Nielsen', 'Olsen', 'Rasmussen']);
CREATE TEMP TABLE country_place AS
SELECT code, row_number() OVER (ORDER BY share DESC, code) - 1 AS place
FROM people, generate_series(1, share);

-- Accounts: 1,800 from 2023, then as many a day as signed up.
INSERT INTO shop.customers
SELECT id, first || ' ' || last, replace(lower(first || '.' || last), ' ', '') || id || '@example.' ||
		(ARRAY['com', 'com', 'org', 'net'])[1 + floor(pg_temp.u(id, 22) * 4)::integer],
	code, pg_temp.u(id, 23) < 0.11, pg_temp.u(id, 24) < 0.46,
	(ARRAY['search', 'search', 'search', 'ads', 'ads', 'newsletter', 'social', 'social', 'direct',
		'referral'])
		[1 + floor(pg_temp.u(id, 25) * 10)::integer]::shop.traffic_source, created_at
FROM (
	SELECT id, p.code, pg_temp.pick(p.first, id, 26) AS first, pg_temp.pick(p.last, id, 27) AS last,
		created_at
	FROM (
		SELECT n AS id, timestamp '2023-01-01' + (n - 1) * interval '17520 seconds' AS created_at
		FROM generate_series(1, 1800) AS n
		UNION ALL
		SELECT 1800 + row_number() OVER (ORDER BY day, k),
			date_trunc('second', day + k * interval '86390 seconds' / (signups + 1))
		FROM days, generate_series(1, signups) AS k
	) AS made
		JOIN country_place ON place = floor(pg_temp.u(id, 21) * 100) JOIN people p USING (code)
) AS named;

-- Orders. Half of them by any customer so far, the rest by regulars and by those who came lately.
CREATE TEMP TABLE order_draft AS
WITH numbered AS (
	SELECT row_number() OVER (ORDER BY day, k)::integer AS id, day, no, outage,
		1790 + d.earlier AS known,
		day + make_interval(secs => floor(86399 * (k - pg_temp.u(k + no * 1000, 30)) / orders))
			AS clock
	FROM (SELECT *, (sum(signups) OVER (ORDER BY day) - signups)::integer AS earlier FROM days) AS d,
		generate_series(1, orders) AS k
), chosen AS (
	SELECT *, CASE WHEN pg_temp.u(id, 31) < 0.5 THEN 1 + floor(pg_temp.u(id, 32) * known)
			WHEN pg_temp.u(id, 31) < 0.78 THEN 7 *
				(1 + floor(pg_temp.u(id, 33) * pg_temp.u(id, 34) * (known / 7)))
			ELSE known - floor(pg_temp.u(id, 35) * 180) END::integer AS customer_id,
		(ARRAY['web', 'web', 'web', 'web', 'web', 'web', 'app', 'app', 'app', 'marketplace'])
			[1 + floor(pg_temp.u(id, 36) * 10)::integer] AS usual
	FROM numbered
)
-- Sales begin at six in the morning: the clock runs from there, slower at night.
SELECT id, day, outage, customer_id,
	date_trunc('second', day + interval '6 hours' + (clock - day) * 0.745) AT TIME ZONE 'UTC' AS
		ordered_at,
	CASE WHEN pg_temp.u(id, 37) < 0.03 THEN 'phone' ELSE usual END::shop.sales_channel AS channel,
	CASE WHEN pg_temp.u(id, 38) < CASE WHEN outage THEN 0.62 ELSE 0.011 END THEN 'unpaid'
	     WHEN pg_temp.u(id, 39) < 0.016 THEN 'withdrawn'
	     WHEN day >= '2025-12-29' AND pg_temp.u(id, 40) < 0.3 THEN 'waiting' ELSE 'good' END AS fate,
	floor(1 + 1.9 * pg_temp.u(id, 41) + 2.6 * pg_temp.u(id, 42) * pg_temp.u(id, 43))::integer AS lines
FROM chosen;

CREATE TEMP TABLE item_draft AS
SELECT DISTINCT ON (o.id, s.product_id) o.id AS order_id, s.product_id, o.day, o.id * 8 + k AS key,
	CASE WHEN pg_temp.u(o.id * 8 + k, 51) < 0.76 THEN 1 WHEN pg_temp.u(o.id * 8 + k, 51) < 0.93 THEN 2
	     ELSE 3 + floor(pg_temp.u(o.id * 8 + k, 52) * 3)::integer END AS quantity,
	CASE WHEN o.day BETWEEN '2024-11-25' AND '2024-12-02' OR o.day BETWEEN '2025-11-24' AND '2025-12-01'
		THEN 20
	     WHEN pg_temp.u(o.id * 8 + k, 53) < 0.07 THEN 10 WHEN pg_temp.u(o.id * 8 + k, 53) < 0.13 THEN 5
	     	ELSE 0 END AS discount
FROM order_draft o CROSS JOIN LATERAL generate_series(1, o.lines) AS k
	JOIN shelf s ON s.month = date_trunc('month', o.day::timestamp)
		AND s.place = floor(pg_temp.u(o.id * 8 + k, 50) * 1000);

INSERT INTO shop.orders
SELECT id, customer_id, ordered_at,
	CASE WHEN fate IN ('unpaid', 'withdrawn') THEN 'cancelled' WHEN fate = 'waiting' THEN 'pending'
		WHEN delivered_at < '2026-01-01' THEN 'delivered' WHEN shipped_at < '2026-01-01'
			THEN 'shipped'
		ELSE 'paid' END::shop.order_status,
	channel, country_code, total, CASE WHEN total >= 80 THEN 0 ELSE 4.90 END,
	CASE WHEN fate = 'good' AND shipped_at < '2026-01-01' THEN shipped_at END,
	CASE WHEN fate = 'good' AND delivered_at < '2026-01-01' THEN delivered_at END
FROM (
	SELECT o.*, c.country_code, t.total,
		ordered_at + make_interval(secs => floor(28800 + 90000 * pg_temp.u(o.id, 60))) AS shipped_at,
		ordered_at + make_interval(secs => floor(28800 + 90000 * pg_temp.u(o.id, 60) + 86400 *
			(1 + 3 * pg_temp.u(o.id, 61)
			+ CASE WHEN c.country_code IN ('US', 'CA') THEN 4 ELSE 0 END + CASE
				WHEN extract(month FROM day) = 12 THEN 1.2 ELSE 0 END)))
			AS delivered_at
	FROM order_draft o JOIN shop.customers c ON c.id = o.customer_id JOIN (
		SELECT i.order_id, sum(round(i.quantity * round(CASE WHEN day < '2025-01-01'
			THEN p.price / 1.04 ELSE p.price END, 2)
			* (100 - discount) / 100, 2)) AS total
		FROM item_draft i JOIN shop.products p ON p.id = i.product_id
			GROUP BY 1) AS t ON t.order_id = o.id
) AS sent;

INSERT INTO shop.order_items
SELECT row_number() OVER (ORDER BY order_id, key), order_id, product_id, quantity, unit_price, discount,
	round(quantity * unit_price * (100 - discount) / 100, 2)
FROM (
	SELECT i.*, round(CASE WHEN day < '2025-01-01' THEN p.price / 1.04 ELSE p.price END, 2) AS unit_price
	FROM item_draft i JOIN shop.products p ON p.id = i.product_id
) AS priced;

-- Attempts to pay. During the outage the gateway times out, mostly for good; other days see few failures.
INSERT INTO shop.payments
SELECT row_number() OVER (ORDER BY id, attempt), id, ordered_at + make_interval(secs => 20 + attempt
	* 140 - 140 + floor(60 * pg_temp.u(id, 72))),
	method, CASE WHEN fate = 'waiting' THEN 'pending' WHEN fate = 'unpaid' OR attempt < attempts
		THEN 'failed' ELSE 'succeeded' END::shop.payment_status,
	total + shipping_fee,
	CASE WHEN fate = 'waiting' OR (fate <> 'unpaid' AND attempt = attempts) THEN NULL WHEN outage
		THEN 'gateway_timeout'
	     ELSE (ARRAY['card_declined', 'card_declined', 'insufficient_funds', 'expired_card', 'abandoned'])
		[1 + floor(pg_temp.u(id + attempt, 73) * 5)::integer] END
FROM (
	SELECT d.id, d.ordered_at, d.fate, d.outage, o.total, o.shipping_fee,
		(CASE WHEN d.fate = 'waiting' THEN ARRAY['bank_transfer', 'invoice']
			ELSE ARRAY['card', 'card', 'card', 'card', 'wallet', 'wallet', 'wallet',
			'bank_transfer','invoice'] END)[1 + floor(pg_temp.u(d.id, 70) * CASE
				WHEN d.fate = 'waiting' THEN 2
				ELSE 9 END)::integer]::shop.payment_method AS method,
		CASE WHEN d.fate = 'waiting' THEN 1 WHEN d.outage THEN 1
			+ floor(pg_temp.u(d.id, 71) * 3)::integer
		     WHEN d.fate = 'unpaid' THEN 1 + floor(pg_temp.u(d.id, 71) * 2)::integer
		     WHEN pg_temp.u(d.id, 71) < 0.035 THEN 2 ELSE 1 END AS attempts
	FROM order_draft d JOIN shop.orders o USING (id)
) AS tried, generate_series(1, attempts) AS attempt;

-- Refunds: cancelled orders that had been paid, and lines sent back. The first batch of KIT-002 was faulty:
-- what was
-- ordered of it from November 2024 to January 2025 comes back from the recall of 2025-02-10 on.
INSERT INTO shop.refunds
SELECT row_number() OVER (ORDER BY refunded_at, order_id, order_item_id), order_id, payment_id, order_item_id,
	refunded_at, amount, reason::shop.refund_reason
FROM (
	SELECT o.id AS order_id, p.id AS payment_id, NULL::integer AS order_item_id, p.amount,
		o.ordered_at + make_interval(secs => floor(3600 + 160000 * pg_temp.u(o.id, 80))) AS
			refunded_at, 'order_cancelled' AS reason
	FROM shop.orders o JOIN shop.payments p ON p.order_id = o.id AND p.status = 'succeeded'
		WHERE o.status = 'cancelled'
	UNION ALL
	SELECT o.id, p.id, i.id, i.line_total, CASE WHEN faulty
			THEN timestamptz '2025-02-10 07:00+00'
				+ make_interval(secs => floor(3200000 * pg_temp.u(i.id, 81)
				* pg_temp.u(i.id, 82)))
			ELSE o.delivered_at + make_interval(secs => floor(86400 *
				(2 + 20 * pg_temp.u(i.id, 81)))) END,
		CASE WHEN faulty THEN 'defective' ELSE
			(ARRAY['changed_mind', 'changed_mind', 'changed_mind', 'defective', 'defective',
				'wrong_item', 'late_delivery'])
			[1 + floor(pg_temp.u(i.id, 83) * 7)::integer] END
	FROM shop.order_items i JOIN shop.orders o ON o.id = i.order_id
		JOIN shop.payments p ON p.order_id = o.id AND p.status = 'succeeded'
		JOIN shop.products pr ON pr.id = i.product_id,
		LATERAL (SELECT pr.sku = 'KIT-002' AND o.ordered_at >= '2024-11-01'
			AND o.ordered_at < '2025-02-01' AS faulty) AS f
	WHERE o.status = 'delivered' AND pg_temp.u(i.id, 84) < CASE WHEN faulty THEN 0.72 WHEN pr.category IN
		('Bedroom', 'Home Office') THEN 0.062 ELSE 0.038 END
) AS given
WHERE refunded_at < '2026-01-01';

-- Support: about orders now and then, about nearly every order that failed in the outage, about the recall.
INSERT INTO shop.support_tickets
SELECT row_number() OVER (ORDER BY opened_at, customer_id, topic), customer_id, order_id, opened_at,
	CASE WHEN opened_at + took < '2026-01-01' THEN opened_at + took END, topic::shop.ticket_topic,
	CASE WHEN outage OR topic = 'product_defect' THEN 'high' WHEN pg_temp.u(key, 93) < 0.2 THEN 'low'
		ELSE 'normal' END::shop.ticket_priority,
	pg_temp.pick(CASE topic
		WHEN 'payment' THEN ARRAY['Payment failed', 'Cannot pay', 'Charged but no order?',
			'Card declined', 'Payment page does not load']
		WHEN 'delivery' THEN ARRAY['Where is my parcel?', 'Parcel arrived late', 'Wrong address',
			'Parcel damaged', 'Change delivery date']
		WHEN 'product_defect'
			THEN ARRAY['Does not switch on', 'Broken on arrival', 'Leaks after a week',
				'Smells of burning', 'Part missing']
		WHEN 'return' THEN ARRAY['How do I return this?', 'When do I get my money?', 'Return label',
			'Exchange for another']
		WHEN 'account' THEN ARRAY['Cannot sign in', 'Change my e-mail', 'Delete my account',
			'Newsletter']
		ELSE ARRAY['Question about a product', 'Invoice needed', 'Is it back in stock?',
			'Voucher'] END,
			key, 94),
	CASE WHEN opened_at + took < '2026-01-01' AND pg_temp.u(key, 95) < 0.4
	     THEN greatest(1, least(5, floor(CASE WHEN outage THEN 1 WHEN topic = 'product_defect' THEN 1.8
	     	ELSE 3 END + 2.9 * pg_temp.u(key, 96))))::integer END
FROM (
	SELECT customer_id, order_id, opened_at, topic, key, outage,
		make_interval(secs => floor(CASE WHEN outage THEN 90000 ELSE 9000 END
		+ 200000 * pg_temp.u(key, 91) * pg_temp.u(key, 92) * CASE WHEN outage THEN 2
			ELSE 1 END)) AS took
	FROM (
		SELECT customer_id, id AS order_id,
			ordered_at + make_interval(secs => floor(600 + 14000 * pg_temp.u(id, 90))) AS
			opened_at,
			'payment' AS topic, id::bigint AS key, true AS outage
		FROM order_draft WHERE outage AND (fate = 'unpaid' OR pg_temp.u(id, 97) < 0.45)
		UNION ALL
		SELECT (1 + floor(pg_temp.u(n, 98) * 6000))::integer, NULL, timestamptz '2025-07-14 08:10+00'
			+ make_interval(secs => floor(330000 * pg_temp.u(n, 99))),
			'payment', 900000 + n, true
		FROM generate_series(1, 520) AS n
		UNION ALL
		SELECT o.customer_id, o.id,
			CASE WHEN r.reason = 'defective' THEN r.refunded_at - interval '5 hours'
			ELSE r.refunded_at - interval '26 hours' END,
			CASE WHEN r.reason = 'defective' THEN 'product_defect' ELSE 'return' END,
				1000000 + r.id, false
		FROM shop.refunds r JOIN shop.orders o ON o.id = r.order_id
		WHERE r.order_item_id IS NOT NULL AND pg_temp.u(r.id, 100) < CASE WHEN r.reason = 'defective'
			THEN 0.75 ELSE 0.3 END
		UNION ALL
		SELECT customer_id, CASE WHEN pg_temp.u(id, 103) < 0.8 THEN id END,
			ordered_at + make_interval(secs => floor(500000 * pg_temp.u(id, 101))),
			(ARRAY['delivery', 'delivery', 'delivery', 'delivery', 'other', 'other', 'account',
				'payment'])[1 + floor(pg_temp.u(id, 102) * 8)::integer],
			2000000 + id, false
		FROM order_draft WHERE NOT outage AND pg_temp.u(id, 104) < CASE
			WHEN extract(month FROM day) = 12 THEN 0.15 ELSE 0.09 END
	) AS asked
) AS timed
WHERE opened_at < '2026-01-01';

-- Visits: one for each order by web or app, and those that came to nothing.
INSERT INTO shop.web_sessions
SELECT row_number() OVER (ORDER BY started_at, key), customer_id, started_at, country_code,
	CASE WHEN mobile OR pg_temp.u(key, 111) < 0.52 THEN 'mobile' WHEN pg_temp.u(key, 111) < 0.93
		THEN 'desktop' ELSE 'tablet' END::shop.device,
	(ARRAY['search', 'search', 'search', 'search', 'ads', 'ads', 'newsletter', 'newsletter', 'social',
		'direct', 'direct', 'referral'])
		[1 + floor(pg_temp.u(key, 112) * 12)::integer]::shop.traffic_source,
	CASE WHEN order_id IS NULL THEN 2 ELSE 5 END
		+ floor(16 * pg_temp.u(key, 113) * pg_temp.u(key, 114))::integer, order_id
FROM (
	SELECT CASE WHEN d.fate <> 'unpaid' THEN o.id END AS order_id, o.customer_id,
		o.ordered_at - make_interval(secs => floor(120 + 1500 * pg_temp.u(o.id, 110))) AS started_at,
		o.country_code, o.channel = 'app' AS mobile, o.id::bigint AS key
	FROM shop.orders o JOIN order_draft d USING (id) WHERE o.channel IN ('web', 'app')
	UNION ALL
	SELECT NULL, CASE WHEN pg_temp.u(key, 116) < 0.35 THEN c.id END, started_at, c.country_code, false,
		key
	FROM (
		SELECT 3000000 + no * 1000::bigint + k AS key, no,
			(day + make_interval(secs => floor(21600 + 64700 *
				(k - pg_temp.u(no * 1000 + k, 117)) / visits))) AT TIME ZONE 'UTC' AS
				started_at
		FROM days, generate_series(1, visits) AS k
	) AS v JOIN shop.customers c ON c.id = 1 + floor(pg_temp.u(key, 115) * (1750 + 7 * no))::integer
) AS visited;

INSERT INTO shop.salaries
SELECT n, pg_temp.pick(p.first, n, 120) || ' ' || p.last[1 + n % cardinality(p.last)],
	r.title, r.department, r.base + 500 * floor(24 * pg_temp.u(n, 121))
FROM generate_series(1, 48) AS n
	JOIN people p ON p.code = (ARRAY['DE', 'FR', 'GB', 'US'])[1 + n % 4]
	JOIN (VALUES (0, 'Buyer', 'Purchasing', 46000), (1, 'Support Agent', 'Support', 34000),
		(2, 'Engineer', 'Technology', 62000),
		(3, 'Warehouse Worker', 'Logistics', 31000), (4, 'Marketing Manager', 'Marketing', 52000),
			(5, 'Accountant', 'Finance', 49000))
		AS r(no, title, department, base) ON r.no = n % 6;

DROP TABLE product_draft, shelf, days, people, country_place, order_draft, item_draft;
DROP FUNCTION pg_temp.pick(text[], bigint, integer);
DROP FUNCTION pg_temp.u(bigint, integer);
