#include "rules_place.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/arena.h"
#include "lib/crypto.h"
#include "support/pg.h"
#include "unit.h"

struct rules_place *rules_make(void)
{
	struct ctx *ctx = pg_ctx();
	struct rules_place *at = ARENA_NEW(ctx->a, struct rules_place);
	struct project_source source = {.host = "db.example",
	                                .port = 5432,
	                                .database = "shop",
	                                .username = "reader",
	                                .sslmode = "require",
	                                .schema = "shop"};

	crypto_init();
	at->ctx = *ctx;
	at->settings = *ctx->settings;
	at->ctx.settings = &at->settings;
	rules_key(at, "a key");
	pg_exec("INSERT INTO users (email, origin) VALUES ('ann@example.com', 'header')");
	at->ctx.user_id = strtoll(pg_value("SELECT id FROM users"), NULL, 10);
	at->project = project_new();
	at->project.slug = "shop";
	at->project.name = "Shop";
	assert_ok(project_create(&at->ctx, &at->project, &source));
	return at;
}

void rules_key(struct rules_place *at, const char *key)
{
	unsigned char *bytes = arena_alloc(at->ctx.a, CRYPTO_KEY_BYTES);

	if (key)
		memcpy(bytes, key, strlen(key));
	at->settings.key = key ? bytes : NULL;
}

void rules_add(struct rules_place *at, const char *role, const char *table, const char *kind, const char *column,
                const char *value)
{
	char sql[1000];

	snprintf(sql, sizeof(sql),
	         "INSERT INTO policy_rules (project_id, role, table_name, kind, column_name, value)"
	         " VALUES (%lld, '%s', '%s', '%s', '%s', '%s')",
	         (long long)at->project.id, role, table, kind, column, value);
	pg_exec(sql);
}
