/* Thin names over libsodium, which does all the work; nothing here is cryptography of our own. */
#include "lib/crypto.h"

#include <assert.h>
#include <stdalign.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/arena.h"

static_assert(CRYPTO_KEY_BYTES == crypto_aead_xchacha20poly1305_ietf_KEYBYTES, "key size");
static_assert(CRYPTO_KEY_BYTES == crypto_kdf_KEYBYTES, "master key size");
static_assert(CRYPTO_HASH_BYTES == crypto_hash_sha256_BYTES, "hash size");

enum {
	NONCE = crypto_aead_xchacha20poly1305_ietf_NPUBBYTES,
	TAG = crypto_aead_xchacha20poly1305_ietf_ABYTES,
};

static const unsigned char *bytes(struct str s)
{
	return (const unsigned char *)(s.p ? s.p : "");
}

void crypto_init(void)
{
	if (sodium_init() < 0) {
		fputs("could not start libsodium\n", stderr);
		abort();
	}
}

static char *base64(struct arena *a, struct str data, int variant)
{
	size_t size = sodium_base64_encoded_len(data.n, variant);

	return sodium_bin2base64(arena_alloc(a, size), size, bytes(data), data.n, variant);
}

char *crypto_token(struct arena *a, size_t nbytes)
{
	char *raw = arena_alloc(a, nbytes);

	randombytes_buf(raw, nbytes);
	return base64(a, (struct str){raw, nbytes}, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
}

void crypto_id(char *out, size_t n)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789";
	enum { LETTERS = sizeof(letters) - 1, FAIR = 256 / LETTERS * LETTERS };
	unsigned char random[32];
	size_t i = 0, at = sizeof(random);

	/* Random bytes are asked of the kernel many at a time; those that would favour some letters are passed over. */
	while (i < n) {
		if (at == sizeof(random)) {
			randombytes_buf(random, sizeof(random));
			at = 0;
		}
		if (random[at] < FAIR)
			out[i++] = letters[random[at] % LETTERS];
		at++;
	}
	out[n] = '\0';
}

char *crypto_hex(struct arena *a, const unsigned char hash[CRYPTO_HASH_BYTES])
{
	enum { SIZE = CRYPTO_HASH_BYTES * 2 + 1 };

	return sodium_bin2hex(arena_alloc(a, SIZE), SIZE, hash, CRYPTO_HASH_BYTES);
}

void crypto_sha256(unsigned char out[CRYPTO_HASH_BYTES], struct str data)
{
	crypto_hash_sha256(out, bytes(data), data.n);
}

char *crypto_sha256_hex(struct arena *a, struct str data)
{
	unsigned char hash[CRYPTO_HASH_BYTES];

	crypto_sha256(hash, data);
	return crypto_hex(a, hash);
}

void crypto_mac(unsigned char out[CRYPTO_HASH_BYTES], const unsigned char key[CRYPTO_KEY_BYTES],
                struct str data)
{
	int failed = crypto_generichash(out, CRYPTO_HASH_BYTES, bytes(data), data.n, key, CRYPTO_KEY_BYTES);

	assert(!failed);
}

void crypto_subkey(unsigned char out[CRYPTO_KEY_BYTES], const unsigned char key[CRYPTO_KEY_BYTES],
                   const char *purpose)
{
	int failed;

	assert(strlen(purpose) == crypto_kdf_CONTEXTBYTES);
	failed = crypto_kdf_derive_from_key(out, CRYPTO_KEY_BYTES, 1, purpose, key);
	assert(!failed);
}

/* Small pieces are gathered: a call of the library for each would cost more than the hash. */
struct crypto_hash {
	crypto_generichash_state state;
	size_t n;
	unsigned char pending[4096];
};

struct crypto_hash *crypto_hash_new(struct arena *a)
{
	size_t align = alignof(struct crypto_hash);
	uintptr_t at = (uintptr_t)arena_alloc(a, sizeof(struct crypto_hash) + align);
	struct crypto_hash *h = (struct crypto_hash *)((at + align - 1) / align * align);

	crypto_generichash_init(&h->state, NULL, 0, CRYPTO_HASH_BYTES);
	return h;
}

static void hash_pending(struct crypto_hash *h)
{
	crypto_generichash_update(&h->state, h->pending, h->n);
	h->n = 0;
}

void crypto_hash_add(struct crypto_hash *h, struct str data)
{
	if (data.n > sizeof(h->pending) - h->n)
		hash_pending(h);
	if (data.n > sizeof(h->pending)) {
		crypto_generichash_update(&h->state, bytes(data), data.n);
		return;
	}
	memcpy(h->pending + h->n, bytes(data), data.n);
	h->n += data.n;
}

void crypto_hash_end(struct crypto_hash *h, unsigned char out[CRYPTO_HASH_BYTES])
{
	hash_pending(h);
	crypto_generichash_final(&h->state, out, CRYPTO_HASH_BYTES);
}

char *crypto_keyed_hex(struct arena *a, const unsigned char key[CRYPTO_KEY_BYTES], struct str data)
{
	unsigned char hash[CRYPTO_HASH_BYTES];

	crypto_mac(hash, key, data);
	return crypto_hex(a, hash);
}

char *crypto_password_hash(struct arena *a, struct str password)
{
	char *hash = arena_alloc(a, crypto_pwhash_STRBYTES);

	/* It fails only for want of memory. */
	if (crypto_pwhash_str(hash, password.p ? password.p : "", password.n,
	                      crypto_pwhash_OPSLIMIT_INTERACTIVE, crypto_pwhash_MEMLIMIT_INTERACTIVE) != 0) {
		fputs("out of memory\n", stderr);
		abort();
	}
	return hash;
}

bool crypto_password_ok(const char *hash, struct str password)
{
	/* Of a random password that nobody kept; costs what a real one costs. */
	static const char nobody[] =
	        "$argon2id$v=19$m=65536,t=2,p=1$fX6HU+2z+MSUQIqvNsTEUQ$gPSzxn4VKUPHGX0PcgAfoQiV5ifXLEOqUc5hntMpeTs";
	bool ok =
	        crypto_pwhash_str_verify(hash ? hash : nobody, password.p ? password.p : "", password.n) == 0;

	return hash && ok;
}

bool crypto_equal(struct str a, struct str b)
{
	return a.n == b.n && sodium_memcmp(bytes(a), bytes(b), a.n) == 0;
}

struct str crypto_seal(struct arena *a, const unsigned char key[CRYPTO_KEY_BYTES], struct str context,
                       struct str plain)
{
	size_t size = NONCE + plain.n + TAG;
	unsigned char *out = arena_alloc(a, size);

	randombytes_buf(out, NONCE);
	crypto_aead_xchacha20poly1305_ietf_encrypt(out + NONCE, NULL, bytes(plain), plain.n, bytes(context),
	                                           context.n, NULL, out, key);
	return (struct str){(char *)out, size};
}

struct err *crypto_open(struct arena *a, const unsigned char key[CRYPTO_KEY_BYTES], struct str context,
                        struct str sealed, struct str *plain)
{
	const unsigned char *in = bytes(sealed);
	unsigned char *out;

	if (sealed.n < NONCE + TAG)
		return err_new(a, ERR_INVALID, "cannot open a sealed secret of %zu bytes", sealed.n);
	out = arena_alloc(a, sealed.n - NONCE - TAG + 1);
	if (crypto_aead_xchacha20poly1305_ietf_decrypt(out, NULL, NULL, in + NONCE, sealed.n - NONCE,
	                                               bytes(context), context.n, in, key) != 0)
		return err_hint(err_new(a, ERR_INVALID, "cannot open a sealed secret"),
		                "Check that QUERN_KEY is the key with which it was sealed.");
	*plain = (struct str){(char *)out, sealed.n - NONCE - TAG};
	return NULL;
}

char *crypto_base64(struct arena *a, struct str data)
{
	return base64(a, data, sodium_base64_VARIANT_ORIGINAL);
}

struct err *crypto_base64_decode(struct arena *a, struct str text, struct str *data)
{
	size_t size = text.n / 4 * 3 + 3, n;
	unsigned char *out = arena_alloc(a, size + 1);

	if (sodium_base642bin(out, size, text.p ? text.p : "", text.n, NULL, &n, NULL,
	                      sodium_base64_VARIANT_ORIGINAL) != 0)
		return err_new(a, ERR_INVALID, "cannot decode base64");
	*data = (struct str){(char *)out, n};
	return NULL;
}
