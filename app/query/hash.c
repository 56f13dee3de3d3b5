/* A digest of a result, over types and cells in order: two runs gave the same if theirs are equal. */
#include "lib/arena.h"
#include "lib/crypto.h"
#include "query/query_priv.h"

/* The length in front keeps "a", "bc" apart from "ab", "c"; 0 is null, so it is one more. Seven bits a byte, because
 * most cells are shorter than a number of eight bytes. */
static void add(struct crypto_hash *h, const char *text)
{
	struct str s = str_of(text);
	char length[10];
	size_t left = text ? s.n + 1 : 0, n = 0;

	for (; left > 0x7f; left >>= 7)
		length[n++] = (char)(left | 0x80);
	length[n++] = (char)left;
	crypto_hash_add(h, (struct str){length, n});
	crypto_hash_add(h, s);
}

struct crypto_hash *query_hash_start(struct arena *a, const struct query_result *r)
{
	struct crypto_hash *h = crypto_hash_new(a);

	for (size_t i = 0; i < r->ncolumns; i++)
		add(h, r->columns[i].type);
	return h;
}

void query_hash_row(struct crypto_hash *h, const char *const *cells, size_t n)
{
	for (size_t i = 0; i < n; i++)
		add(h, cells[i]);
}

struct str query_hash_end(struct arena *a, struct crypto_hash *h)
{
	unsigned char *hash = arena_alloc(a, CRYPTO_HASH_BYTES);

	crypto_hash_end(h, hash);
	return (struct str){(const char *)hash, CRYPTO_HASH_BYTES};
}

struct str query_hash_of(struct arena *a, const struct query_result *r)
{
	struct crypto_hash *h = query_hash_start(a, r);

	for (size_t i = 0; i < r->nrows; i++)
		query_hash_row(h, &r->cells[i * r->ncolumns], r->ncolumns);
	return query_hash_end(a, h);
}
