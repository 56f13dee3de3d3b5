/*
 * Single sign-on. nginx has asked the sign-on proxy and passes who it is as FastCGI parameters of its own;
 * client headers arrive as HTTP_* and are never looked at here. An account is made when somebody comes for
 * the first time; later the same statement that finds it tells whether name, groups or last use differ from
 * what is stored, so that nothing is written as long as nothing changes.
 */
#include <string.h>

#include "audit/audit.h"
#include "auth/auth_priv.h"
#include "lib/arena.h"
#include "lib/buf.h"
#include "lib/crypto.h"
#include "lib/settings.h"

DB_STMT(auth_header_select,
        "SELECT " AUTH_PERSON_COLUMNS
        "u.last_seen_at IS NULL OR u.last_seen_at < now() - interval '1 hour' OR u.name <> $5"
        " OR u.groups <> $8"
        " OR ($7 AND u.is_admin <> $6)"
        " OR EXISTS (SELECT FROM unnest($3, $4) d (slug, role) JOIN projects g ON g.slug = d.slug"
        "  LEFT JOIN members h ON h.project_id = g.id AND h.user_id = u.id"
        "  WHERE h.user_id IS NULL OR (h.origin = 'header' AND h.role <> d.role))"
        " OR EXISTS (SELECT FROM members h JOIN projects g ON g.id = h.project_id"
        "  WHERE h.user_id = u.id AND h.origin = 'header' AND g.slug <> ALL ($3)), '', " AUTH_PROJECT_COLUMNS
        "FROM users u" AUTH_PROJECT_JOINS "WHERE u.email = $1",
        DB_TEXT, DB_TEXT, DB_TEXTS, DB_TEXTS, DB_TEXT, DB_BOOL, DB_BOOL, DB_TEXTS);
DB_STMT(auth_header_upsert,
        "INSERT INTO users (email, name, origin, is_admin, last_seen_at, groups)"
        " VALUES ($1, $2, 'header', $3, now(), $5)"
        " ON CONFLICT (email) DO UPDATE SET name = $2, last_seen_at = now(), groups = $5,"
        " is_admin = CASE WHEN $4 THEN $3 ELSE users.is_admin END WHERE users.origin = 'header'"
        " RETURNING id, xmax = 0",
        DB_TEXT, DB_TEXT, DB_BOOL, DB_BOOL, DB_TEXTS);
DB_STMT(auth_header_leave,
        "DELETE FROM members m USING projects p WHERE p.id = m.project_id AND m.user_id = $1"
        " AND m.origin = 'header' AND p.slug <> ALL ($2)",
        DB_I64, DB_TEXTS);
DB_STMT(auth_header_join,
        "INSERT INTO members (project_id, user_id, role, origin) SELECT p.id, $1, d.role, 'header'"
        " FROM unnest($2, $3) d (slug, role) JOIN projects p ON p.slug = d.slug"
        " ON CONFLICT (project_id, user_id) DO UPDATE SET role = excluded.role"
        " WHERE members.origin = 'header' AND members.role <> excluded.role",
        DB_I64, DB_TEXTS, DB_TEXTS);

enum { NAME_CHARS = 200, GROUPS_BYTES = 16 << 10 };

/* Who single sign-on says it is. */
struct identity {
	const char *email;
	const char *name;
	struct db_texts groups;
	struct auth_grants grants;
	bool admin;
	bool admin_known; /* a group is set that decides it */
	bool was_admin;
	struct db_texts had_groups;
};
struct made_row {
	int64_t id;
	bool created;
};
static const struct db_row made_row =
        DB_ROW(struct made_row, DB_COL_I64(struct made_row, id), DB_COL_BOOL(struct made_row, created));

static struct err *refuse(struct ctx *ctx, const char *why)
{
	return err_hint(err_code(err_new(ctx->a, ERR_FORBIDDEN, "%s", why), "identity"),
	                "Ask whoever runs single sign-on here.");
}

/* Valid UTF-8 without control characters, of at most that many bytes. */
static bool plain(struct str s, size_t most)
{
	size_t i;

	for (i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] < 0x20 || s.p[i] == 0x7f)
			return false;
	return s.n <= most && (!s.n || str_utf8_valid(s));
}

static struct err *read_identity(struct ctx *ctx, const struct http_request *req, struct identity *out)
{
	struct str email = http_fastcgi(req, "QUERN_AUTH_EMAIL"), user = http_fastcgi(req, "QUERN_AUTH_USER"),
	           groups = http_fastcgi(req, "QUERN_AUTH_GROUPS"),
	           admins = str_of(ctx->settings->auth_admin_group);

	*out = (struct identity){.name = ""};
	if (!email.n && !user.n)
		return NULL;
	if (!email.n)
		return refuse(ctx, "single sign-on gave no e-mail address for you");
	out->email = auth_email(ctx->a, email);
	if (!out->email)
		return refuse(ctx, "single sign-on gave something that is not an e-mail address");
	if (!plain(user, NAME_CHARS) || !plain(groups, GROUPS_BYTES))
		return refuse(ctx, "single sign-on gave a name or groups that cannot be used");
	out->name = str_dup(ctx->a, user);
	out->groups = auth_group_list(ctx->a, groups);
	out->grants = auth_grants_of(ctx->a, str_of(ctx->settings->auth_roles), groups);
	out->admin_known = admins.n > 0;
	out->admin = auth_has_group(groups, admins);
	return NULL;
}

static struct err *belongs_to_local(struct ctx *ctx)
{
	return err_hint(
	        err_code(err_new(ctx->a, ERR_FORBIDDEN, "this e-mail address belongs to a local account"),
	                 "identity"),
	        "Sign in to that account with its password, or ask an admin to remove it.");
}

static struct db_arg texts(struct db_texts t)
{
	return db_texts(t.p, t.n);
}

static bool same(struct db_texts x, struct db_texts y)
{
	size_t i;

	for (i = 0; i < x.n && i < y.n && strcmp(x.p[i], y.p[i]) == 0; i++)
		;
	return i == x.n && i == y.n;
}

static const char *detail(struct ctx *ctx, const struct identity *who)
{
	struct buf b = buf_init(ctx->a, BUF_PAGE);
	struct json_writer w = {.b = &b};

	json_object_open(&w, NULL);
	auth_put_groups(&w, who->groups);
	json_object_close(&w);
	return buf_cstr(&b);
}

/* Writes account and memberships as the groups want them. */
static struct err *follow(struct ctx *ctx, void *arg)
{
	struct identity *who = arg;
	struct made_row made;
	int64_t left, joined;
	bool written;

	TRY(db_find(ctx, &auth_header_upsert,
	            DB_ARGS(db_text(who->email), db_text(who->name), db_bool(who->admin),
	                    db_bool(who->admin_known), texts(who->groups)),
	            &made_row, &made, &written));
	if (!written)
		return belongs_to_local(ctx);
	ctx->user_id = made.id;
	TRY(db_run(ctx, &auth_header_leave, DB_ARGS(db_i64(made.id), texts(who->grants.slugs)), &left));
	TRY(db_run(ctx, &auth_header_join,
	           DB_ARGS(db_i64(made.id), texts(who->grants.slugs), texts(who->grants.roles)), &joined));
	if (made.created)
		return audit_log(ctx, "user.create", auth_object(ctx->a, made.id), NULL);
	if (left || joined || (who->admin_known && who->admin != who->was_admin) ||
	    !same(who->groups, who->had_groups))
		return audit_log(ctx, "user.groups", auth_object(ctx->a, made.id),
		                 detail(ctx, who));
	return NULL;
}

static struct err *find(struct ctx *ctx, const struct identity *who, const char *slug, struct auth_found *out)
{
	bool found;

	TRY(db_find(ctx, &auth_header_select,
	            DB_ARGS(db_text(who->email), db_text(slug), texts(who->grants.slugs),
	                    texts(who->grants.roles), db_text(who->name), db_bool(who->admin),
	                    db_bool(who->admin_known), texts(who->groups)),
	            &auth_found_row, out, &found));
	if (!found)
		memset(out, 0, sizeof(*out));
	if (found && strcmp(out->origin, "header") != 0)
		return belongs_to_local(ctx);
	if (found && out->disabled)
		return err_new(ctx->a, ERR_FORBIDDEN, "this account is switched off");
	return NULL;
}

/* There is no session to keep a token: it follows from the account and the key. */
static const char *csrf_token(struct ctx *ctx, int64_t id)
{
	return crypto_keyed_hex(ctx->a, ctx->settings->key,
	                        str_of(arena_printf(ctx->a, "csrf:%lld", (long long)id)));
}

struct err *auth_header_find(struct ctx *ctx, const struct http_request *req, const char *slug,
                             struct auth_found *out)
{
	struct auth_found f;
	struct identity who;

	memset(out, 0, sizeof(*out));
	TRY(read_identity(ctx, req, &who));
	if (!who.email)
		return NULL;
	TRY(find(ctx, &who, slug, &f));
	if (!f.id || f.stale) {
		who.was_admin = f.is_admin;
		who.had_groups = f.groups;
		TRY(db_transact(ctx, follow, &who));
		TRY(find(ctx, &who, slug, &f));
	}
	f.csrf = csrf_token(ctx, f.id);
	*out = f;
	return NULL;
}
