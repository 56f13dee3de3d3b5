/* Cryptography, all of it libsodium's: tokens, password hashes, sealed secrets. */
#ifndef LIB_CRYPTO_H
#define LIB_CRYPTO_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/err.h"
#include "lib/str.h"

struct arena;

enum { CRYPTO_KEY_BYTES = 32, CRYPTO_HASH_BYTES = 32 };

/* Once at the start of each process; failure ends it. */
void crypto_init(void);

/* nbytes of randomness as base64url without padding, in the arena. 32 bytes give 43 characters. */
char *crypto_token(struct arena *a, size_t nbytes);

/* A short identifier of n characters of [a-z0-9], for requests; out holds n + 1. */
void crypto_id(char *out, size_t n);

/* SHA-256 of the data: raw into out[32], or as 64 hex digits in the arena. */
void crypto_sha256(unsigned char out[CRYPTO_HASH_BYTES], struct str data);
char *crypto_sha256_hex(struct arena *a, struct str data);

/* BLAKE2b, cut to as many bytes, of what comes in parts. */
struct crypto_hash;
struct crypto_hash *crypto_hash_new(struct arena *a);
void crypto_hash_add(struct crypto_hash *h, struct str data);
void crypto_hash_end(struct crypto_hash *h, unsigned char out[CRYPTO_HASH_BYTES]);

/* 64 hex digits of a hash. */
char *crypto_hex(struct arena *a, const unsigned char hash[CRYPTO_HASH_BYTES]);

/* Keyed hash (BLAKE2b-256 with the key), raw or as 64 hex digits. */
void crypto_mac(unsigned char out[CRYPTO_HASH_BYTES], const unsigned char key[CRYPTO_KEY_BYTES], struct str data);
char *crypto_keyed_hex(struct arena *a, const unsigned char key[CRYPTO_KEY_BYTES], struct str data);

/* A key for one purpose, which is named by 8 characters ("quernlog"), derived from the main one. */
void crypto_subkey(unsigned char out[CRYPTO_KEY_BYTES], const unsigned char key[CRYPTO_KEY_BYTES],
                   const char *purpose);

/* Argon2id with libsodium's interactive limits (64 MB, 2 passes), as its own encoded string. */
char *crypto_password_hash(struct arena *a, struct str password);
/* False also when hash is NULL; then it takes as long as a real check, so that a missing account
 * cannot be told from a wrong password by time. */
bool crypto_password_ok(const char *hash, struct str password);

/* Equal bytes, compared in constant time for equal lengths. */
bool crypto_equal(struct str a, struct str b);

/* XChaCha20-Poly1305 with a random nonce: nonce || ciphertext, as raw bytes in the arena. context binds
 * the secret to its place ("source:17:password"); opening under another context fails.
 * crypto_open errors: INVALID (wrong key, context or bytes). */
struct str crypto_seal(struct arena *a, const unsigned char key[CRYPTO_KEY_BYTES], struct str context,
                       struct str plain);
MUST_CHECK struct err *crypto_open(struct arena *a, const unsigned char key[CRYPTO_KEY_BYTES],
                                   struct str context, struct str sealed, struct str *plain);

/* Base64 (standard alphabet, padded) both ways; decoding errors: INVALID. */
char *crypto_base64(struct arena *a, struct str data);
MUST_CHECK struct err *crypto_base64_decode(struct arena *a, struct str text, struct str *data);

#endif
