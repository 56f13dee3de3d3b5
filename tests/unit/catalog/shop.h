/* A small schema with one of everything, and the source that reads it with few rights. */
#ifndef CATALOG_SHOP_H
#define CATALOG_SHOP_H

#include "catalog/catalog.h"

/* A fresh database with the schema "shop" in it; *source reads it as the role "catalog_reader". */
struct ctx *shop_ctx(struct project_source *source);

/* A source in the database of the last pg_ctx(). */
void shop_source(struct ctx *ctx, struct project_source *source, const char *schema, const char *username);

/* Lists of one name, for source->allowed and source->excluded. */
struct db_texts shop_list(struct ctx *ctx, const char *name);

/* A project with this source, stored; sets the ids of both. */
void shop_project(struct ctx *ctx, struct project *project, struct project_source *source);

const struct catalog_column *shop_column(const struct catalog *c, const char *table, const char *column);

/* The whole dictionary as it is stored. */
const char *shop_json(struct ctx *ctx, const struct catalog *c);

#endif
