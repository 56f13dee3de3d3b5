/* Which questions the dictionary answers, and which it must leave alone. */
#include <string.h>

#include "agent/agent_priv.h"
#include "lib/arena.h"
#include "unit.h"

static struct catalog_column order_columns[] = {{.name = "id"}, {.name = "customer_id"}, {.name = "total"}};
static struct catalog_column customer_columns[] = {{.name = "id"}, {.name = "email"}, {.name = "region"}};
static struct catalog_table tables[] = {
        {.name = "categories", .kind = "table", .columns = customer_columns, .ncolumns = 1},
        {.name = "customers", .kind = "table", .columns = customer_columns, .ncolumns = 3},
        {.name = "monthly_revenue", .kind = "view", .columns = order_columns, .ncolumns = 1},
        {.name = "order_items", .kind = "table", .columns = order_columns, .ncolumns = 2},
        {.name = "orders", .kind = "table", .columns = order_columns, .ncolumns = 3},
        {.name = "payments", .kind = "table", .columns = order_columns, .ncolumns = 2},
        {.name = "products", .kind = "table", .columns = order_columns, .ncolumns = 1},
        {.name = "support_tickets", .kind = "table", .columns = order_columns, .ncolumns = 1},
        {.name = "web_sessions", .kind = "table", .columns = order_columns, .ncolumns = 1},
};
static const struct catalog shop = {
        .schema = "shop", .tables = tables, .ntables = sizeof(tables) / sizeof(*tables)};

#define TABLES AGENT_INTENT_TABLES
#define DESCRIBE AGENT_INTENT_DESCRIBE
#define SAMPLE AGENT_INTENT_SAMPLE
#define COUNT AGENT_INTENT_COUNT
#define FIND AGENT_INTENT_FIND_COLUMN
#define UNKNOWN AGENT_INTENT_UNKNOWN_TABLE

static void test_agent__questions_about_the_dictionary_are_taken(void **state)
{
	static const struct {
		const char *question;
		enum agent_intent_kind kind;
		const char *name; /* table, or word for FIND and UNKNOWN */
		int64_t rows;
	} cases[] = {
	        {"tables", TABLES, NULL, 0},
	        {"Which tables are there?", TABLES, NULL, 0},
	        {"What tables do you have?", TABLES, NULL, 0},
	        {"list tables", TABLES, NULL, 0},
	        {"List all the tables", TABLES, NULL, 0},
	        {"Please list all tables in the database.", TABLES, NULL, 0},
	        {"show tables", TABLES, NULL, 0},
	        {"Show me the tables", TABLES, NULL, 0},
	        {"Can you show me all tables, please?", TABLES, NULL, 0},
	        {"which tables can I query?", TABLES, NULL, 0},
	        {"What's in this database?", TABLES, NULL, 0},
	        {"whats in the database", TABLES, NULL, 0},
	        {"What is in this database", TABLES, NULL, 0},
	        {"What data do you have?", TABLES, NULL, 0},
	        {"what data is available", TABLES, NULL, 0},
	        {"What kind of data do we have here?", TABLES, NULL, 0},
	        {"describe the database", TABLES, NULL, 0},
	        {"Show me the schema", TABLES, NULL, 0},
	        {"How many tables are there?", TABLES, NULL, 0},
	        {"What tables exist in this schema?", TABLES, NULL, 0},
	        {"list of tables", TABLES, NULL, 0},
	        {"what does this database contain?", TABLES, NULL, 0},
	        {"Hi, could you tell me which tables there are?", TABLES, NULL, 0},

	        {"describe orders", DESCRIBE, "orders", 0},
	        {"Describe the orders table", DESCRIBE, "orders", 0},
	        {"describe table orders", DESCRIBE, "orders", 0},
	        {"desc shop.orders", DESCRIBE, "orders", 0},
	        {"columns of orders", DESCRIBE, "orders", 0},
	        {"What columns does orders have?", DESCRIBE, "orders", 0},
	        {"Which columns are in the orders table?", DESCRIBE, "orders", 0},
	        {"what columns are there in customers", DESCRIBE, "customers", 0},
	        {"Show me the columns of order items", DESCRIBE, "order_items", 0},
	        {"list all columns in the table payments", DESCRIBE, "payments", 0},
	        {"orders columns", DESCRIBE, "orders", 0},
	        {"What are the columns of the customer table?", DESCRIBE, "customers", 0},
	        {"fields of product", DESCRIBE, "products", 0},
	        {"show the structure of web_sessions", DESCRIBE, "web_sessions", 0},
	        {"schema of the payments table", DESCRIBE, "payments", 0},
	        {"What is the primary key of orders?", DESCRIBE, "orders", 0},
	        {"What's in the orders table?", DESCRIBE, "orders", 0},
	        {"What does the table support_tickets contain?", DESCRIBE, "support_tickets", 0},
	        {"how many columns does orders have", DESCRIBE, "orders", 0},
	        {"tell me about the orders table", DESCRIBE, "orders", 0},
	        {"describe oders", DESCRIBE, "orders", 0},
	        {"describe custmers", DESCRIBE, "customers", 0},
	        {"columns of prodcuts", DESCRIBE, "products", 0},
	        {"describe category", DESCRIBE, "categories", 0},
	        {"Describe Support Tickets", DESCRIBE, "support_tickets", 0},

	        {"show me some rows of orders", SAMPLE, "orders", 0},
	        {"Show me a few rows from the customers table", SAMPLE, "customers", 0},
	        {"sample rows of orders", SAMPLE, "orders", 0},
	        {"give me 5 rows from orders", SAMPLE, "orders", 5},
	        {"Show the first 20 rows of payments, please", SAMPLE, "payments", 20},
	        {"first three records of web sessions", SAMPLE, "web_sessions", 3},
	        {"show me 1000000 rows of orders", SAMPLE, "orders", 100},
	        {"Can you give me an example of the data in orders?", SAMPLE, "orders", 0},
	        {"preview orders", SAMPLE, "orders", 0},
	        {"preview of the products table", SAMPLE, "products", 0},
	        {"show me some orders", SAMPLE, "orders", 0},
	        {"a sample of customers", SAMPLE, "customers", 0},
	        {"show me the orders table", SAMPLE, "orders", 0},
	        {"example rows from suport_tickets", SAMPLE, "support_tickets", 0},
	        {"what does the data in orders look like?", SAMPLE, "orders", 0},
	        {"SELECT * FROM orders;", SAMPLE, "orders", 0},

	        {"how many rows in orders", COUNT, "orders", 0},
	        {"How many rows are in the orders table?", COUNT, "orders", 0},
	        {"How many rows are there in order_items?", COUNT, "order_items", 0},
	        {"how many records does customers have?", COUNT, "customers", 0},
	        {"count the rows of payments", COUNT, "payments", 0},
	        {"row count of products", COUNT, "products", 0},
	        {"What is the number of rows in web_sessions?", COUNT, "web_sessions", 0},
	        {"How big is the orders table?", COUNT, "orders", 0},
	        {"How many customers are there?", COUNT, "customers", 0},
	        {"how many products do we have", COUNT, "products", 0},

	        {"Which tables have a column email?", FIND, "email", 0},
	        {"which tables contain customer_id", FIND, "customer_id", 0},
	        {"where is the column region?", FIND, "region", 0},

	        {"describe the table invoices", UNKNOWN, "invoices", 0},
	        {"Show me the salaries table", UNKNOWN, "salaries", 0},
	        {"columns of the table unicorns", UNKNOWN, "unicorns", 0},
	};
	struct arena *a = arena_create();

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct agent_intent found = agent_intent_of(a, &shop, str_of(cases[i].question));
		const char *name = found.kind == FIND || found.kind == UNKNOWN ? found.word
		                   : found.table                               ? found.table->name
		                                                               : NULL;

		if (found.kind != cases[i].kind)
			fail_msg("%s: %d, not %d", cases[i].question, found.kind, cases[i].kind);
		if (cases[i].name && (!name || strcmp(name, cases[i].name) != 0))
			fail_msg("%s: %s, not %s", cases[i].question, name ? name : "none", cases[i].name);
		if (found.rows != cases[i].rows)
			fail_msg("%s: %d rows", cases[i].question, (int)found.rows);
	}
	arena_free(a);
}

static void test_agent__questions_for_analysis_are_left_alone(void **state)
{
	static const char *const cases[] = {
	        "How many orders in July?",
	        "How many orders were placed in July 2025?",
	        "how many orders per month",
	        "columns of orders with revenue by month",
	        "show me orders by country",
	        "Show me the top 10 customers by revenue",
	        "top 5 products",
	        "show me the first order of each customer",
	        "How many customers ordered twice?",
	        "how many customers are there in Germany?",
	        "How many customers do we have per country?",
	        "What was net revenue by month?",
	        "which products have the highest margin?",
	        "describe the trend of orders",
	        "Describe how revenue developed in 2025",
	        "show me rows of orders from July",
	        "sample orders from last week",
	        "What happened in the third week of July 2025?",
	        "list customers who never ordered",
	        "list all customers from France",
	        "show me customers",
	        "Which customers are there in Berlin?",
	        "what is the average order value",
	        "How big is the average order?",
	        "how many rows in orders have no customer",
	        "count orders by status",
	        "count of orders in 2025",
	        "number of orders last month",
	        "Which tables of furniture sell best?",
	        "how many tables did we sell?",
	        "What is the total number of orders in July",
	        "What data do you have on refunds in July?",
	        "compare the tables orders and payments by month",
	        "tell me about orders in 2024",
	        "tell me about our customers",
	        "explain the drop in conversion",
	        "describe customer churn",
	        "show me the table of revenue by month",
	        "show me revenue as a table",
	        "what is in the basket of the average customer?",
	        "What does a customer spend?",
	        "how many payments failed",
	        "which payment methods are there?",
	        "What kinds of support tickets are there most?",
	        "what is the structure of our revenue",
	        "preview next month's revenue",
	        "find customers with two orders",
	        "orders",
	        "customers and orders",
	        "How many?",
	        "",
	        "   ",
	        "?",
	        "thanks",
	        "delete from orders",
	        "drop table orders",
	        "show me 10 orders sorted by total",
	        "give me 5 products with their price",
	        "which tables have more rows than orders?",
	        "Are there tables with customer data that changed yesterday?",
	        "select * from orders where total > 100",
	        "select count(*) from orders",
	        "how many orders do we have in total per channel",
	        "Show me the columns of a Greek temple",
	        "how long is the delivery time",
	        "What is the key to our success?",
	        "Welche Tabellen haben den meisten Umsatz?",
	        "show me some orders with high totals",
	        "how large is our customer base",
	        "describe what the support team does",
	        "what is the data telling us about orders",
	        "list the tables and then tell me which one has the most revenue",
	        "which table should I use to compute margin?",
	        "rows of orders over time",
	        "monthly revenue",
	        "show me monthly revenue for 2025",
	        "what does monthly revenue look like",
	        "schema of things to come",
	        "list the countries",
	        "find the best product",
	};
	struct arena *a = arena_create();

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct agent_intent found = agent_intent_of(a, &shop, str_of(cases[i]));

		if (found.kind != AGENT_INTENT_NONE)
			fail_msg("%s: taken as %d (%s)", cases[i], found.kind,
			         found.table ? found.table->name : "");
	}
	arena_free(a);
}

static void test_agent__hostile_questions_cost_little(void **state)
{
	struct arena *a = arena_create();
	struct buf b = buf_init(a, BUF_LINE);

	(void)state;
	for (int i = 0; i < 22; i++)
		buf_add_cstr(&b, "show me ");
	assert_int_equal(agent_intent_of(a, &shop, buf_str(&b)).kind, AGENT_INTENT_NONE);
	b.n = 0;
	for (int i = 0; i < 24; i++)
		buf_add_cstr(&b, "the all ");
	assert_int_equal(agent_intent_of(a, &shop, buf_str(&b)).kind, AGENT_INTENT_NONE);
	assert_int_equal(agent_intent_of(a, &shop, STR("describe \xff\xfe\x80 ' '' 's")).kind,
	                 AGENT_INTENT_NONE);
	assert_int_equal(
	        agent_intent_of(a, &(const struct catalog){.schema = "x"}, STR("describe orders")).kind,
	        AGENT_INTENT_NONE);
	assert_true(arena_used(a) < 4 << 20);
	arena_free(a);
}

static const struct CMUnitTest agent_intent_tests[] = {
        cmocka_unit_test(test_agent__questions_about_the_dictionary_are_taken),
        cmocka_unit_test(test_agent__questions_for_analysis_are_left_alone),
        cmocka_unit_test(test_agent__hostile_questions_cost_little),
};
UNIT_SUITE(agent_intent_tests);
