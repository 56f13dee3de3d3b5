#include "lib/crypto.h"

#include <string.h>

#include "lib/arena.h"
#include "unit.h"

static struct arena *a;

static int setup(void **state)
{
	(void)state;
	crypto_init();
	a = arena_create();
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	arena_free(a);
	return 0;
}

static void test_lib__crypto_tokens_differ(void **state)
{
	char *x = crypto_token(a, 32), *y = crypto_token(a, 32);
	char id[17], other[17];

	(void)state;
	assert_int_equal(strlen(x), 43);
	assert_int_equal(strspn(x, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"), 43);
	assert_string_not_equal(x, y);
	crypto_id(id, 16);
	crypto_id(other, 16);
	assert_int_equal(strspn(id, "abcdefghijklmnopqrstuvwxyz0123456789"), 16);
	assert_int_equal(id[16], 0);
	assert_string_not_equal(id, other);
}

/* FIPS 180-4 for "abc" and "", RFC 7693's function of 32 bytes for "abc"; with a key it is checked by its properties. */
static void test_lib__crypto_hashes(void **state)
{
	unsigned char key[CRYPTO_KEY_BYTES] = {1}, other[CRYPTO_KEY_BYTES] = {2};

	(void)state;
	assert_string_equal(crypto_sha256_hex(a, STR("abc")),
	                    "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	assert_string_equal(crypto_sha256_hex(a, str_of(NULL)),
	                    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
	assert_int_equal(strlen(crypto_keyed_hex(a, key, STR("x"))), 64);
	assert_string_equal(crypto_keyed_hex(a, key, STR("x")), crypto_keyed_hex(a, key, STR("x")));
	assert_string_not_equal(crypto_keyed_hex(a, key, STR("x")), crypto_keyed_hex(a, other, STR("x")));
	unsigned char one[CRYPTO_KEY_BYTES], two[CRYPTO_KEY_BYTES], mac[CRYPTO_HASH_BYTES];

	crypto_mac(mac, key, STR("x"));
	assert_string_equal(crypto_hex(a, mac), crypto_keyed_hex(a, key, STR("x")));
	crypto_subkey(one, key, "purpose1");
	crypto_subkey(two, key, "purpose2");
	assert_memory_not_equal(one, two, sizeof(one));
	assert_memory_not_equal(one, key, sizeof(one));

	unsigned char parts[CRYPTO_HASH_BYTES];
	struct crypto_hash *h = crypto_hash_new(a);

	crypto_hash_add(h, STR("a"));
	crypto_hash_add(h, str_of(NULL));
	crypto_hash_add(h, STR("bc"));
	crypto_hash_end(h, parts);
	assert_string_equal(crypto_hex(a, parts),
	                    "bddd813c634239723171ef3fee98579b94964e3bb1cb3e427262c8c068d52319");
}

static void test_lib__crypto_passwords(void **state)
{
	char *hash = crypto_password_hash(a, STR("correct horse"));

	(void)state;
	assert_int_equal(strncmp(hash, "$argon2id$v=19$m=65536,t=2,p=1$", 31), 0);
	assert_true(crypto_password_ok(hash, STR("correct horse")));
	assert_false(crypto_password_ok(hash, STR("correct hors")));
	assert_false(crypto_password_ok(hash, STR("")));
	assert_false(crypto_password_ok("", STR("")));
	assert_false(crypto_password_ok(NULL, STR("correct horse")));
}

static void test_lib__crypto_equal_compares_bytes(void **state)
{
	(void)state;
	assert_true(crypto_equal(STR("abc"), STR("abc")));
	assert_false(crypto_equal(STR("abc"), STR("abd")));
	assert_false(crypto_equal(STR("abc"), STR("ab")));
	assert_true(crypto_equal(STR(""), str_of(NULL)));
}

static void test_lib__crypto_opens_only_what_it_sealed(void **state)
{
	unsigned char key[CRYPTO_KEY_BYTES] = {7}, other[CRYPTO_KEY_BYTES] = {8};
	struct str context = STR("source:17:password"), plain, sealed;
	size_t i;

	(void)state;
	sealed = crypto_seal(a, key, context, STR("s3cret\0x"));
	assert_null(crypto_open(a, key, context, sealed, &plain));
	assert_true(str_eq(plain, STR("s3cret\0x")));
	assert_int_equal(plain.p[plain.n], 0);
	assert_false(str_eq(sealed, crypto_seal(a, key, context, STR("s3cret\0x"))));
	assert_int_equal(crypto_open(a, other, context, sealed, &plain)->kind, ERR_INVALID);
	assert_int_equal(crypto_open(a, key, STR("source:18:password"), sealed, &plain)->kind, ERR_INVALID);
	for (i = 0; i < sealed.n; i++) {
		char *bent = memcpy(arena_alloc(a, sealed.n), sealed.p, sealed.n);

		assert_non_null(crypto_open(a, key, context, (struct str){sealed.p, i}, &plain));
		bent[i] ^= 1;
		assert_non_null(crypto_open(a, key, context, (struct str){bent, sealed.n}, &plain));
	}
}

static void test_lib__crypto_base64_both_ways(void **state)
{
	static const char *const wrong[] = {"Zg", "Zg=", "Zm9v!", "Zm 9v", "Zm9v\n", "Zh=="};
	static const struct {
		struct str plain;
		const char *text;
	} cases[] = {{STR(""), ""},
	             {STR("f"), "Zg=="},
	             {STR("fo"), "Zm8="},
	             {STR("foo"), "Zm9v"},
	             {STR("\xff\xfe\0"), "//4A"}};
	struct str data;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		assert_string_equal(crypto_base64(a, cases[i].plain), cases[i].text);
		assert_null(crypto_base64_decode(a, str_of(cases[i].text), &data));
		assert_true(str_eq(data, cases[i].plain));
	}
	for (i = 0; i < sizeof(wrong) / sizeof(*wrong); i++)
		assert_non_null(crypto_base64_decode(a, str_of(wrong[i]), &data));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

static const struct CMUnitTest lib_crypto_tests[] = {
        TEST(test_lib__crypto_tokens_differ),
        TEST(test_lib__crypto_hashes),
        TEST(test_lib__crypto_passwords),
        TEST(test_lib__crypto_equal_compares_bytes),
        TEST(test_lib__crypto_opens_only_what_it_sealed),
        TEST(test_lib__crypto_base64_both_ways),
};
UNIT_SUITE(lib_crypto_tests);
