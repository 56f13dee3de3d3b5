-- Indexes, views and statistics.
CREATE INDEX orders_customer_id ON shop.orders (customer_id);
CREATE INDEX orders_ordered_at ON shop.orders (ordered_at);
CREATE INDEX order_items_product_id ON shop.order_items (product_id);
CREATE INDEX payments_order_id ON shop.payments (order_id);
CREATE INDEX payments_attempted_at ON shop.payments (attempted_at);
CREATE INDEX refunds_order_id ON shop.refunds (order_id);
CREATE INDEX refunds_refunded_at ON shop.refunds (refunded_at);
CREATE INDEX support_tickets_customer_id ON shop.support_tickets (customer_id);
CREATE INDEX support_tickets_opened_at ON shop.support_tickets (opened_at);
CREATE INDEX web_sessions_started_at ON shop.web_sessions (started_at);
CREATE INDEX customers_created_at ON shop.customers (created_at);

CREATE VIEW shop.monthly_revenue AS
WITH sold AS (
	SELECT date_trunc('month', ordered_at AT TIME ZONE 'UTC')::date AS month, count(*) AS orders,
		count(DISTINCT customer_id) AS customers, sum(total) AS gross_revenue
	FROM shop.orders WHERE status IN ('paid', 'shipped', 'delivered') GROUP BY 1
), returned AS (
	SELECT date_trunc('month', refunded_at AT TIME ZONE 'UTC')::date AS month, sum(amount) AS refunded
	FROM shop.refunds WHERE order_item_id IS NOT NULL GROUP BY 1
)
SELECT month, orders, customers, gross_revenue, COALESCE(refunded, 0) AS refunded,
	gross_revenue - COALESCE(refunded, 0) AS net_revenue
FROM sold LEFT JOIN returned USING (month);
COMMENT ON VIEW shop.monthly_revenue
	IS 'Revenue of each month in EUR: what counts as revenue is said at orders and refunds.';
COMMENT ON COLUMN shop.monthly_revenue.month IS 'First day of the month.';
COMMENT ON COLUMN shop.monthly_revenue.orders IS 'Orders that count as revenue.';
COMMENT ON COLUMN shop.monthly_revenue.customers IS 'Different customers who ordered.';
COMMENT ON COLUMN shop.monthly_revenue.refunded IS 'Returned goods, by the date of the refund.';

CREATE VIEW shop.customer_value AS
WITH bought AS (
	SELECT customer_id, count(*) AS orders, sum(total) AS gross_revenue,
		min(ordered_at) AS first_order_at, max(ordered_at) AS last_order_at
	FROM shop.orders WHERE status IN ('paid', 'shipped', 'delivered') GROUP BY 1
), returned AS (
	SELECT o.customer_id, sum(r.amount) AS refunded
	FROM shop.refunds r JOIN shop.orders o ON o.id = r.order_id WHERE r.order_item_id IS NOT NULL
		GROUP BY 1
)
SELECT c.id AS customer_id, c.name, c.country_code, c.created_at, COALESCE(b.orders, 0) AS orders,
	COALESCE(b.gross_revenue, 0) AS gross_revenue, COALESCE(r.refunded, 0) AS refunded,
	COALESCE(b.gross_revenue, 0) - COALESCE(r.refunded, 0) AS net_revenue, b.first_order_at,
		b.last_order_at
FROM shop.customers c LEFT JOIN bought b ON b.customer_id = c.id LEFT JOIN returned r ON r.customer_id = c.id;
COMMENT ON VIEW shop.customer_value
	IS 'Each customer with what they bought over all time, in EUR. Customers without orders have 0.';

CREATE VIEW shop.product_performance AS
WITH sold AS (
	SELECT i.product_id, sum(i.quantity) AS pieces, sum(i.line_total) AS gross_revenue,
		sum(i.line_total - i.quantity * p.cost) AS margin, count(*) AS lines
	FROM shop.order_items i JOIN shop.orders o ON o.id = i.order_id
		JOIN shop.products p ON p.id = i.product_id
	WHERE o.status IN ('paid', 'shipped', 'delivered') GROUP BY 1
), returned AS (
	SELECT i.product_id, count(*) AS lines_returned, sum(r.amount) AS refunded
	FROM shop.refunds r JOIN shop.order_items i ON i.id = r.order_item_id GROUP BY 1
)
SELECT p.id AS product_id, p.sku, p.name, p.category, COALESCE(s.pieces, 0) AS pieces,
	COALESCE(s.gross_revenue, 0) AS gross_revenue, COALESCE(s.margin, 0) AS margin,
	COALESCE(r.refunded, 0) AS refunded,
	round(100.0 * COALESCE(r.lines_returned, 0) / NULLIF(s.lines, 0), 1) AS return_rate_percent
FROM shop.products p LEFT JOIN sold s ON s.product_id = p.id LEFT JOIN returned r ON r.product_id = p.id;
COMMENT ON VIEW shop.product_performance
	IS 'Each product with pieces sold, revenue and margin in EUR, and how much came back, over all time.';
COMMENT ON COLUMN shop.product_performance.margin
	IS 'Gross revenue less the cost of the pieces sold, before refunds.';
COMMENT ON COLUMN shop.product_performance.return_rate_percent
	IS 'Share of the order lines that were refunded, in percent.';

ANALYZE shop.countries, shop.customers, shop.products, shop.orders, shop.order_items, shop.payments,
	shop.refunds,
	shop.support_tickets, shop.web_sessions, shop.salaries;
