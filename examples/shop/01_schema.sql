-- The demo web shop: tables, what they mean, how they hang together.
CREATE SCHEMA shop;
COMMENT ON SCHEMA shop
	IS 'Hearth & Field, a web shop for home and garden. Data from 2024-01-01 to 2025-12-31 (UTC).';

CREATE TYPE shop.order_status AS ENUM ('pending', 'paid', 'shipped', 'delivered', 'cancelled');
CREATE TYPE shop.sales_channel AS ENUM ('web', 'app', 'marketplace', 'phone');
CREATE TYPE shop.payment_method AS ENUM ('card', 'wallet', 'bank_transfer', 'invoice');
CREATE TYPE shop.payment_status AS ENUM ('succeeded', 'failed', 'pending');
CREATE TYPE shop.refund_reason AS ENUM ('defective', 'wrong_item', 'late_delivery', 'changed_mind',
	'order_cancelled');
CREATE TYPE shop.ticket_topic AS ENUM ('payment', 'delivery', 'product_defect', 'return', 'account', 'other');
CREATE TYPE shop.ticket_priority AS ENUM ('low', 'normal', 'high');
CREATE TYPE shop.traffic_source AS ENUM ('search', 'ads', 'newsletter', 'social', 'direct', 'referral');
CREATE TYPE shop.device AS ENUM ('mobile', 'desktop', 'tablet');

CREATE TABLE shop.countries (
	code   text PRIMARY KEY CHECK (code ~ '^[A-Z]{2}$'),
	name   text NOT NULL UNIQUE,
	region text NOT NULL
);
COMMENT ON TABLE shop.countries
	IS 'Countries that the shop delivers to, and the sales region each belongs to.';
COMMENT ON COLUMN shop.countries.code IS 'ISO 3166-1 alpha-2 code, for example DE.';
COMMENT ON COLUMN shop.countries.region
	IS 'Sales region: Central Europe, Western Europe, Southern Europe, Northern Europe, North America.';

CREATE TABLE shop.customers (
	id           integer PRIMARY KEY,
	name         text NOT NULL,
	email        text NOT NULL UNIQUE,
	country_code text NOT NULL REFERENCES shop.countries,
	is_business  boolean NOT NULL,
	newsletter   boolean NOT NULL,
	source       shop.traffic_source NOT NULL,
	created_at   timestamptz NOT NULL
);
COMMENT ON TABLE shop.customers IS 'Everybody with an account. Many have never ordered.';
COMMENT ON COLUMN shop.customers.country_code
	IS 'Where the customer lives; orders may go to the same country only.';
COMMENT ON COLUMN shop.customers.is_business IS 'True for companies, false for private people.';
COMMENT ON COLUMN shop.customers.newsletter IS 'Whether the customer gets the newsletter.';
COMMENT ON COLUMN shop.customers.source IS 'How the customer first found the shop.';
COMMENT ON COLUMN shop.customers.created_at
	IS 'When the account was made. Accounts from before 2024 exist, their orders are not kept.';

CREATE TABLE shop.products (
	id          integer PRIMARY KEY,
	sku         text NOT NULL UNIQUE,
	name        text NOT NULL UNIQUE,
	category    text NOT NULL,
	price       numeric(10,2) NOT NULL CHECK (price > 0),
	cost        numeric(10,2) NOT NULL CHECK (cost > 0 AND cost < price),
	weight_g    integer NOT NULL CHECK (weight_g > 0),
	launched_on date NOT NULL
);
COMMENT ON TABLE shop.products IS 'What the shop sells.';
COMMENT ON COLUMN shop.products.sku IS 'Stock keeping unit: three letters of the category and a number.';
COMMENT ON COLUMN shop.products.category IS 'Bedroom, Garden, Home Office, Kitchen, Lighting or Outdoor.';
COMMENT ON COLUMN shop.products.price
	IS 'List price today in EUR with VAT. What was charged is in order_items.unit_price; prices rose by 4 % on 2025-01-01.';
COMMENT ON COLUMN shop.products.cost
	IS 'What the shop pays for one piece, in EUR. Margin of a sale = line_total - quantity * cost.';
COMMENT ON COLUMN shop.products.weight_g IS 'Shipping weight in grams.';
COMMENT ON COLUMN shop.products.launched_on IS 'First day on sale.';

CREATE TABLE shop.orders (
	id           integer PRIMARY KEY,
	customer_id  integer NOT NULL REFERENCES shop.customers,
	ordered_at   timestamptz NOT NULL,
	status       shop.order_status NOT NULL,
	channel      shop.sales_channel NOT NULL,
	country_code text NOT NULL REFERENCES shop.countries,
	total        numeric(12,2) NOT NULL CHECK (total > 0),
	shipping_fee numeric(6,2) NOT NULL CHECK (shipping_fee >= 0),
	shipped_at   timestamptz CHECK (shipped_at > ordered_at),
	delivered_at timestamptz CHECK (delivered_at > shipped_at)
);
COMMENT ON TABLE shop.orders
	IS 'One row an order. Revenue counts orders whose status is paid, shipped or delivered: not pending, not cancelled.';
COMMENT ON COLUMN shop.orders.ordered_at IS 'When the order was placed. Revenue belongs to this date.';
COMMENT ON COLUMN shop.orders.status
	IS 'pending: not paid yet; cancelled: given up by the customer, or the payment failed.';
COMMENT ON COLUMN shop.orders.country_code IS 'Country that the order is delivered to.';
COMMENT ON COLUMN shop.orders.total
	IS 'Value of the goods in EUR with VAT: the sum of the line_total of its items. Without shipping_fee. Gross revenue is the sum of this.';
COMMENT ON COLUMN shop.orders.shipping_fee
	IS 'Charged for delivery in EUR; 0 from 80 EUR on. Not part of revenue.';
COMMENT ON COLUMN shop.orders.delivered_at
	IS 'When the parcel arrived; delivery time = delivered_at - ordered_at.';

CREATE TABLE shop.order_items (
	id               integer PRIMARY KEY,
	order_id         integer NOT NULL REFERENCES shop.orders,
	product_id       integer NOT NULL REFERENCES shop.products,
	quantity         integer NOT NULL CHECK (quantity > 0),
	unit_price       numeric(10,2) NOT NULL CHECK (unit_price > 0),
	discount_percent integer NOT NULL CHECK (discount_percent BETWEEN 0 AND 50),
	line_total       numeric(12,2) NOT NULL,
	CONSTRAINT order_items_line_total CHECK
		(line_total = round(quantity * unit_price * (100 - discount_percent) / 100, 2)),
	CONSTRAINT order_items_once UNIQUE (order_id, product_id)
);
COMMENT ON TABLE shop.order_items IS 'The lines of orders: which products, how many, at which price.';
COMMENT ON COLUMN shop.order_items.unit_price
	IS 'Price of one piece when ordered, in EUR with VAT, before the discount.';
COMMENT ON COLUMN shop.order_items.discount_percent IS 'Discount on this line in percent.';
COMMENT ON COLUMN shop.order_items.line_total IS 'quantity * unit_price less the discount, in EUR with VAT.';

CREATE TABLE shop.payments (
	id           integer PRIMARY KEY,
	order_id     integer NOT NULL REFERENCES shop.orders,
	attempted_at timestamptz NOT NULL,
	method       shop.payment_method NOT NULL,
	status       shop.payment_status NOT NULL,
	amount       numeric(12,2) NOT NULL CHECK (amount > 0),
	failure_code text,
	CONSTRAINT payments_failure CHECK ((status = 'failed') = (failure_code IS NOT NULL))
);
COMMENT ON TABLE shop.payments
	IS 'Attempts to pay an order; a failed one may be followed by another. At most one of an order succeeds.';
COMMENT ON COLUMN shop.payments.amount IS 'In EUR: total and shipping_fee of the order.';
COMMENT ON COLUMN shop.payments.failure_code
	IS 'Why the attempt failed: card_declined, insufficient_funds, expired_card, abandoned or gateway_timeout.';

CREATE TABLE shop.refunds (
	id            integer PRIMARY KEY,
	order_id      integer NOT NULL REFERENCES shop.orders,
	payment_id    integer NOT NULL REFERENCES shop.payments,
	order_item_id integer UNIQUE REFERENCES shop.order_items,
	refunded_at   timestamptz NOT NULL,
	amount        numeric(12,2) NOT NULL CHECK (amount > 0),
	reason        shop.refund_reason NOT NULL
);
COMMENT ON TABLE shop.refunds
	IS 'Money given back. Net revenue = gross revenue less refunds with an order_item_id; refunds of cancelled orders never counted as revenue.';
COMMENT ON COLUMN shop.refunds.order_item_id
	IS 'The line that was sent back; null when a whole paid order was cancelled.';
COMMENT ON COLUMN shop.refunds.refunded_at
	IS 'When the money went back; refunds belong to this date, not to that of the order.';
COMMENT ON COLUMN shop.refunds.amount IS 'In EUR; never more than what was paid.';

CREATE TABLE shop.support_tickets (
	id           integer PRIMARY KEY,
	customer_id  integer NOT NULL REFERENCES shop.customers,
	order_id     integer REFERENCES shop.orders,
	opened_at    timestamptz NOT NULL,
	closed_at    timestamptz CHECK (closed_at > opened_at),
	topic        shop.ticket_topic NOT NULL,
	priority     shop.ticket_priority NOT NULL,
	subject      text NOT NULL,
	satisfaction integer CHECK (satisfaction BETWEEN 1 AND 5)
);
COMMENT ON TABLE shop.support_tickets IS 'Requests of customers to the support team.';
COMMENT ON COLUMN shop.support_tickets.order_id IS 'The order it is about, if any.';
COMMENT ON COLUMN shop.support_tickets.closed_at
	IS 'Null while the ticket is open; time to resolve = closed_at - opened_at.';
COMMENT ON COLUMN shop.support_tickets.satisfaction
	IS 'What the customer gave afterwards: 1 (bad) to 5 (good); null when not answered.';

CREATE TABLE shop.web_sessions (
	id           integer PRIMARY KEY,
	customer_id  integer REFERENCES shop.customers,
	started_at   timestamptz NOT NULL,
	country_code text NOT NULL REFERENCES shop.countries,
	device       shop.device NOT NULL,
	source       shop.traffic_source NOT NULL,
	pages        integer NOT NULL CHECK (pages > 0),
	order_id     integer UNIQUE REFERENCES shop.orders
);
COMMENT ON TABLE shop.web_sessions
	IS 'Visits to web site and app that put something into the basket; those that only browsed are not kept. Conversion rate = share with an order_id.';
COMMENT ON COLUMN shop.web_sessions.customer_id IS 'Null when the visitor did not sign in.';
COMMENT ON COLUMN shop.web_sessions.source IS 'Where this visit came from.';
COMMENT ON COLUMN shop.web_sessions.pages IS 'Number of pages seen.';
COMMENT ON COLUMN shop.web_sessions.order_id
	IS 'The order of this visit; null if none was placed or its payment failed. Orders by marketplace and phone have no visit.';

CREATE TABLE shop.salaries (
	id             integer PRIMARY KEY,
	employee       text NOT NULL UNIQUE,
	title          text NOT NULL,
	department     text NOT NULL,
	amount         numeric(10,2) NOT NULL CHECK (amount > 0)
);
COMMENT ON TABLE shop.salaries
	IS 'Confidential. Here to show that an excluded table can be neither seen nor queried.';
COMMENT ON COLUMN shop.salaries.amount IS 'Gross, EUR a year.';
