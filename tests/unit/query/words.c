/* Pure parts: connection failures in words, and positions carried over from the text that was sent. */
#include <string.h>

#include "lib/arena.h"
#include "query/query_priv.h"
#include "unit.h"

static void test_query__connection_failures_have_words(void **state)
{
	static const struct {
		const char *text, *code;
	} cases[] = {
	        {"connection to server at \"h\" (10.0.0.1), port 5432 failed: FATAL:  28P01: password"
	         " authentication failed for user \"reader\"\nLOCATION:  auth_failed, auth.c:338\n",
	         "wrong_password"},
	        {"connection to server on socket \"/s\" failed: FEHLER:  3D000: Datenbank existiert nicht\n",
	         "no_database"},
	        {"... failed: FATAL:  28000: no pg_hba.conf entry for host \"10.0.0.2\", no encryption\n",
	         "not_admitted"},
	        {"... failed: FATAL:  53300: too many connections for role \"reader\"\n",
	         "too_many_connections"},
	        {"... failed: FATAL:  57P03: the database system is starting up\n", "starting"},
	        {"... failed: FATAL:  42501: permission denied for database \"x\"\n", "no_connect"},
	        {"could not translate host name \"h\" to address: Name or service not known\n", "wrong_host"},
	        {"... failed: Connection refused\n\tIs the server running?\n", "refused"},
	        {"... failed: server does not support SSL, but SSL was required\n", "no_tls"},
	        {"... failed: root certificate file \"/root/.postgresql/root.crt\" does not exist\n", "tls"},
	        {"... failed: SSL error: certificate verify failed\n", "tls"},
	        {"... failed: server certificate for \"a\" does not match host name \"b\"\n", "tls"},
	        {"timeout expired", "no_answer"},
	        {"... failed: something new\n", "connection"},
	};
	const struct project_source source = {
	        .host = "h", .port = 5432, .username = "reader", .database = "x", .password = "hunter2"};
	struct arena *a = arena_create();

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct err *e = query_fail_connect(a, &source, cases[i].text);

		assert_int_equal(e->kind, ERR_UNAVAILABLE);
		assert_string_equal(e->code, cases[i].code);
		assert_null(strstr(err_text(e), "hunter2"));
		assert_null(strstr(e->message, "%s"));
		assert_null(strchr(e->message, '\n'));
	}
	arena_free(a);
}

static void test_query__positions_are_carried_over_only_when_certain(void **state)
{
	static const struct {
		const char *asked, *sent;
		int at, position;
	} cases[] = {
	        {"SELECT x FROM t", "SELECT x FROM shop.t LIMIT 501", 8, 8},
	        {"select x from t", "SELECT x FROM shop.t", 8, 0},
	        {"select  total_ from t", "SELECT total_ FROM shop.t", 8, 9},
	        {"select total_, total_ from t", "SELECT total_, total_ FROM shop.t", 16, 0},
	        {"select a from  orders_", "SELECT a FROM shop.orders_", 15, 16},
	        {"select '\xc3\xa4\xc3\xb6', zz from t", "SELECT '\xc3\xa4\xc3\xb6', zz FROM shop.t", 14, 14},
	        {"select a.zz from t a", "SELECT a.zz FROM shop.t a", 8, 10},
	        {"SELECT 1 + 'x'", "SELECT 1 + 'x'", 12, 12},
	        {"SELECT x", "SELECT x LIMIT 5", 99, 0},
	        {"SELECT x", "SELECT x LIMIT 5", 0, 0},
	        {"", "SELECT 1", 1, 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		int position = query_position(str_of(cases[i].asked), str_of(cases[i].sent), cases[i].at);

		if (position != cases[i].position)
			fail_msg("%s: %d", cases[i].asked, position);
	}
}

static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_query__connection_failures_have_words),
        cmocka_unit_test(test_query__positions_are_carried_over_only_when_certain),
};
UNIT_SUITE(tests);
