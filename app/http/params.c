/*
 * Name and value pairs as FastCGI encodes them, and looking them up. A request has some forty; walking them
 * is quicker than building anything.
 */
#include "http/http_priv.h"
#include "lib/arena.h"

enum { PARAMS_MOST = 2 * HTTP_HEADERS };

const struct http_field *http_fields_find(const struct http_fields *fields, struct str name, size_t i)
{
	size_t k;

	for (k = 0; k < fields->n; k++)
		if (str_eq(fields->v[k].name, name) && i-- == 0)
			return &fields->v[k];
	return NULL;
}

/* A length of one byte, or of four with the top bit set. */
static bool chop_length(struct str *s, size_t *length)
{
	const unsigned char *p = (const unsigned char *)s->p;
	size_t width = s->n > 0 && p[0] & 0x80 ? 4 : 1, i;

	if (s->n < width)
		return false;
	*length = p[0] & 0x7f;
	for (i = 1; i < width; i++)
		*length = *length << 8 | p[i];
	s->p += width;
	s->n -= width;
	return true;
}

static bool chop_bytes(struct str *s, size_t n, struct str *out)
{
	if (n > s->n)
		return false;
	*out = (struct str){s->p, n};
	s->p += n;
	s->n -= n;
	return true;
}

static bool chop_pair(struct str *s, struct http_field *out)
{
	size_t name, value;

	return chop_length(s, &name) && chop_length(s, &value) && chop_bytes(s, name, &out->name) &&
	       chop_bytes(s, value, &out->value);
}

struct err *http_params_parse(struct arena *a, struct str block, struct http_fields *out)
{
	struct str rest = block;
	struct http_field pair;
	size_t n = 0;

	while (rest.n > 0 && n <= PARAMS_MOST) {
		if (!chop_pair(&rest, &pair))
			return err_new(a, ERR_INVALID, "malformed request parameters");
		n++;
	}
	if (n > PARAMS_MOST)
		return err_new(a, ERR_INVALID, "too many request headers");
	*out = (struct http_fields){ARENA_ARRAY(a, struct http_field, n), n};
	for (n = 0; n < out->n; n++)
		chop_pair(&block, &out->v[n]);
	return NULL;
}
