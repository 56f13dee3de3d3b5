/* Names and values whose owners would mind. */
#include "catalog/catalog_priv.h"
#include "lib/arena.h"
#include "unit.h"

static void test_catalog__sensitive_names_are_known(void **state)
{
	static const struct {
		const char *table, *column;
		bool sensitive;
	} cases[] = {
	        {"t", "email", true},
	        {"t", "EMail", true},
	        {"t", "e_mail_address", true},
	        {"t", "HomePhone", true},
	        {"t", "password_hash", true},
	        {"t", "api_key", true},
	        {"t", "ssn", true},
	        {"t", "customer_SSN", true},
	        {"t", "iban", true},
	        {"t", "card_no", true},
	        {"t", "cardinality", false},
	        {"t", "BirthDate", true},
	        {"t", "base salary", true},
	        {"t", "first_name", true},
	        {"t", "FirstName", true},
	        {"t", "ship-address", true},
	        {"t", "session", false},
	        {"t", "name", false},
	        {"customers", "name", true},
	        {"Employee", "Name", true},
	        {"products", "name", false},
	        {"customers", "city", false},
	        {"t", "shipping", false},
	        {"t", "discount", false},
	        {"t", "status", false},
	        {"t", "", false},
	        {"t", "__", false},
	        {"t", "PIN", true},
	        {"t", "telephone", true},
	        {"t", "total", false},
	        {"t", "category", false},
	        {"t", "accessToken", true},
	};
	struct arena *a = arena_create();

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		if (catalog_name_is_sensitive(a, cases[i].table, cases[i].column) != cases[i].sensitive)
			fail_msg("%s.%s", cases[i].table, cases[i].column);
	arena_free(a);
}

static void test_catalog__sensitive_values_are_known(void **state)
{
	static const struct {
		const char *value;
		bool number, sensitive;
	} cases[] = {
	        {"a@example.org", false, true},
	        {"+49 30 1234567", false, true},
	        {"4111 1111 1111 1111", false, true},
	        {"DE89370400440532013000", false, true},
	        {"Berlin", false, false},
	        {"2024-01-31", false, false},
	        {"2024-01-31 10:11:12.5", false, false},
	        {"12345678", true, false},
	        {"4111111111111111", true, true},
	        {"1234567.8912", true, false},
	        {"555.123.4567", false, true},
	        {"", false, false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		if (catalog_value_is_sensitive(cases[i].value, cases[i].number) != cases[i].sensitive)
			fail_msg("%s", cases[i].value);
}

static const struct CMUnitTest catalog_sensitive_tests[] = {
        cmocka_unit_test(test_catalog__sensitive_names_are_known),
        cmocka_unit_test(test_catalog__sensitive_values_are_known),
};
UNIT_SUITE(catalog_sensitive_tests);
