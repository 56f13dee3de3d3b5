/* The files of `quern dev` under DIR: env (settings and secrets, mode 0600), certificate, nginx configuration. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/dev_priv.h"
#include "lib/arena.h"
#include "lib/buf.h"
#include "lib/crypto.h"
#include "lib/json.h"
#include "lib/settings.h"
#include "lib/str.h"
#include "mustache/mustache.h"

enum { ENV_BYTES = 16 << 10, SECRET_BYTES = 18, NGINX_FILES = 65536 };

static struct err *write_file(struct dev *d, const char *path, struct str text, mode_t mode)
{
	/* Written beside and moved over, so that a reader never sees half of it. */
	const char *beside = arena_printf(d->ctx->a, "%s.new", path);
	int fd = open(beside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
	bool ok = fd >= 0 && !fchmod(fd, mode) && write(fd, text.p, text.n) == (ssize_t)text.n;

	if (fd >= 0 && close(fd))
		ok = false;
	if (!ok || rename(beside, path))
		return err_new(d->ctx->a, ERR_INTERNAL, "could not write %s: %s", path, strerror(errno));
	return NULL;
}

/* The value of NAME in a file of export NAME='value' lines, or NULL. */
static const char *env_value(struct arena *a, struct str text, const char *name)
{
	struct str prefix = str_of(arena_printf(a, "export %s='", name));

	while (text.p) {
		struct str line = str_chop(&text, '\n');
		if (str_starts(line, prefix) && line.n > prefix.n)
			return arena_strndup(a, line.p + prefix.n, line.n - prefix.n - 1);
	}
	return NULL;
}

static struct str read_env(struct dev *d, const char *path)
{
	char *text = arena_alloc(d->ctx->a, ENV_BYTES);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? 0 : read(fd, text, ENV_BYTES - 1);

	if (fd >= 0)
		close(fd);
	return (struct str){text, n > 0 ? (size_t)n : 0};
}

static const char *fresh_key(struct arena *a)
{
	struct str raw = str_of(crypto_token(a, CRYPTO_KEY_BYTES));

	return crypto_base64(a, (struct str){raw.p, CRYPTO_KEY_BYTES});
}

/* Secrets are made once and kept: sealed passwords and running sessions depend on them. */
static void load_secrets(struct dev *d, struct str old)
{
	struct arena *a = d->ctx->a;
	const struct {
		const char *name;
		const char **value;
	} secrets[] = {
		{"QUERN_KEY", &d->key},
		{"QUERN_FASTCGI_SECRET", &d->fastcgi_secret},
		{"QUERN_DEV_SUPERUSER_PASSWORD", &d->superuser_password},
		{"QUERN_DEV_PLATFORM_PASSWORD", &d->platform_password},
		{"QUERN_DEV_READER_PASSWORD", &d->reader_password},
		{"QUERN_DEMO_PASSWORD", &d->demo_password},
	};

	for (size_t i = 0; i < sizeof(secrets) / sizeof(*secrets); i++) {
		*secrets[i].value = env_value(a, old, secrets[i].name);
		if (!*secrets[i].value)
			*secrets[i].value = crypto_token(a, SECRET_BYTES);
	}
	if (!env_value(a, old, "QUERN_KEY"))
		d->key = fresh_key(a);
}

/* A value with a quote cannot be written; it may be a secret, so that only its name is told. */
static struct err *put(struct dev *d, struct buf *b, const char *name, const char *value)
{
	if (strchr(value, '\'') || strchr(value, '\n'))
		return err_new(d->ctx->a, ERR_CONFIG, "the value of %s cannot be used: it holds a quote or a line break",
			       name);
	buf_printf(b, "export %s='%s'\n", name, value);
	setenv(name, value, 1);
	return NULL;
}

/* In a checkout they lie beside the program, with what was bundled for them; else where they were installed. */
static const char *static_dir(struct dev *d)
{
	size_t n = (size_t)(strrchr(d->self, '/') - d->self);
	const char *built = arena_printf(d->ctx->a, "%.*s/static", (int)n, d->self);

	return access(built, X_OK) ? arena_printf(d->ctx->a, "%s/static", d->root) : built;
}

struct err *dev_env(struct dev *d)
{
	struct arena *a = d->ctx->a;
	const char *path = arena_printf(a, "%s/env", d->var);
	struct buf b = buf_init(a, ENV_BYTES);

	load_secrets(d, read_env(d, path));
	const char *sockets = strlen(d->var) > 80 ? d->run : arena_printf(a, "%s/run", d->var);
	const char *const values[][2] = {
		{"QUERN_DATABASE_URL", dev_dsn(d, "quern", d->platform_password, "quern")},
		{"QUERN_KEY", d->key},
		{"QUERN_FASTCGI_SECRET", d->fastcgi_secret},
		{"QUERN_URL", arena_printf(a, "https://127.0.0.1:%lld", (long long)d->port)},
		{"QUERN_WEB_SOCKET", arena_printf(a, "%s/web.sock", sockets)},
		{"QUERN_AGENT_SOCKET", arena_printf(a, "%s/agent.sock", sockets)},
		{"QUERN_TEMPLATES", arena_printf(a, "%s/templates", d->root)},
		{"QUERN_MIGRATIONS", arena_printf(a, "%s/sql", d->root)},
		{"QUERN_STATIC", static_dir(d)},
		{"QUERN_DEMO_PASSWORD", d->demo_password},
		{"QUERN_DEV_SUPERUSER_PASSWORD", d->superuser_password},
		{"QUERN_DEV_PLATFORM_PASSWORD", d->platform_password},
		{"QUERN_DEV_READER_PASSWORD", d->reader_password},
		{"QUERN_AUDIT_HEADS", arena_printf(a, "%s/audit-heads", d->var)},
		{"QUERN_DEV_PG_SOCKET", d->run},
	};
	for (size_t i = 0; i < sizeof(values) / sizeof(*values); i++)
		TRY(put(d, &b, values[i][0], values[i][1]));
	static const char *const given[] = {"QUERN_LLM_URL", "QUERN_LLM_KEY", "QUERN_LLM_MODEL", "QUERN_LLM_PROVIDER",
					    "QUERN_AUTH", "QUERN_AUTH_ROLES", "QUERN_AUTH_ADMIN_GROUP",
					    "QUERN_OAUTH2_PROXY", "QUERN_SIGNOUT_URL"};
	for (size_t i = 0; i < sizeof(given) / sizeof(*given); i++)
		if (getenv(given[i]))
			TRY(put(d, &b, given[i], getenv(given[i])));
	return write_file(d, path, buf_str(&b), 0600);
}

struct err *dev_certificate(struct dev *d)
{
	struct arena *a = d->ctx->a;
	const char *key = arena_printf(a, "%s/tls.key", d->var);
	const char *crt = arena_printf(a, "%s/tls.crt", d->var);

	if (!access(key, R_OK) && !access(crt, R_OK))
		return NULL;
	const char *const argv[] = {"openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
				    "-nodes", "-keyout", key, "-out", crt, "-days", "825", "-subj", "/CN=quern-dev",
				    "-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost", NULL};
	TRY(dev_command(d, NULL, NULL, argv));
	return chmod(key, 0600) ? err_new(a, ERR_INTERNAL, "could not protect %s: %s", key, strerror(errno)) : NULL;
}

struct err *dev_nginx_conf(struct dev *d)
{
	struct arena *a = d->ctx->a;
	struct buf json = buf_init(a, BUF_LINE);
	struct json_writer w = {.b = &json};
	const char *const values[][2] = {
		{"listen", arena_printf(a, "127.0.0.1:%lld", (long long)d->port)},
		{"certificate", arena_printf(a, "%s/tls.crt", d->var)},
		{"certificate_key", arena_printf(a, "%s/tls.key", d->var)},
		{"web_socket", getenv("QUERN_WEB_SOCKET")},
		{"agent_socket", getenv("QUERN_AGENT_SOCKET")},
		{"static_dir", getenv("QUERN_STATIC")},
		{"run_dir", arena_printf(a, "%s/nginx", d->var)},
		{"secret", d->fastcgi_secret},
		{"user", geteuid() == 0 ? "root" : NULL},
		{"oauth2_proxy", d->ctx->settings->oauth2_proxy},
	};
	struct rlimit files = {0};
	getrlimit(RLIMIT_NOFILE, &files);
	bool sso = strcmp(d->ctx->settings->auth, "local") != 0;
	json_object_open(&w, NULL);
	for (size_t i = 0; i < sizeof(values) / sizeof(*values); i++)
		json_put_cstr(&w, values[i][0], values[i][1]);
	json_put_i64(&w, "files", files.rlim_max > NGINX_FILES ? NGINX_FILES : (int64_t)files.rlim_max);
	json_put_bool(&w, "sso", sso);
	json_put_bool(&w, "sso_required", !strcmp(d->ctx->settings->auth, "header"));
	json_object_close(&w);

	struct json_object *data;
	struct mustache_set *set = mustache_set_create(a);
	struct buf conf = buf_init(a, BUF_PAGE);
	TRY(json_read(a, buf_str(&json), JSON_DEPTH, &data));
	TRY(mustache_load(set, arena_printf(a, "%s/nginx", d->root)));
	TRY(mustache_render_json(a, set, "quern.conf", data, &conf));
	return write_file(d, arena_printf(a, "%s/nginx.conf", d->var), buf_str(&conf), 0600);
}
