#include "made.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/arena.h"
#include "lib/crypto.h"
#include "lib/settings.h"
#include "support/pg.h"
#include "unit.h"

static const unsigned char keys[2][CRYPTO_KEY_BYTES] = {"an old key", "another key"};

static void set_key(struct ctx *ctx, const unsigned char *key)
{
	struct settings *s = ARENA_NEW(ctx->a, struct settings);

	memcpy(s, ctx->settings, sizeof(*s));
	s->key = key;
	ctx->settings = s;
}

struct ctx *made_ctx(void)
{
	struct ctx *ctx = pg_ctx();

	crypto_init();
	set_key(ctx, keys[0]);
	return ctx;
}

void made_other_key(struct ctx *ctx)
{
	set_key(ctx, keys[1]);
}

struct project made_project(const char *slug)
{
	struct project p = project_new();

	p.slug = slug;
	p.name = "Shop";
	return p;
}

struct project_source made_source(void)
{
	return (struct project_source){.host = "db.example",
	                               .port = 5432,
	                               .database = "shop",
	                               .username = "ann",
	                               .password = "sesame",
	                               .sslmode = "require",
	                               .schema = "shop"};
}

int64_t made_saved(struct ctx *ctx, const char *slug)
{
	struct project p = made_project(slug);
	struct project_source s = made_source();

	assert_ok(project_create(ctx, &p, &s));
	return p.id;
}

int64_t made_person(const char *email, bool is_admin)
{
	char sql[400];

	snprintf(sql, sizeof(sql),
	         "INSERT INTO users (email, origin, password_hash, is_admin)"
	         " VALUES ('%s', 'local', 'x', %s) RETURNING id",
	         email, is_admin ? "true" : "false");
	return strtoll(pg_value(sql), NULL, 10);
}
