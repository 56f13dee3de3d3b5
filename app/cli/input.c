/* Reading what a command is given: files, standard input, lists. */
#include "cli/input_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "lib/arena.h"
#include "lib/buf.h"

enum { SECRET_BYTES = 8192 };

static struct err *read_all(struct arena *a, int fd, const char *name, size_t cap, struct str *out)
{
	struct buf b = buf_init(a, cap);
	char block[16384];
	ssize_t n;

	buf_add_cstr(&b, "");
	while ((n = read(fd, block, sizeof(block))) > 0 && !b.full)
		buf_add(&b, block, (size_t)n);
	if (n < 0)
		return err_detail(err_new(a, ERR_NOT_FOUND, "could not read %s", name), "%s.",
		                  strerror(errno));
	if (b.full)
		return err_detail(err_new(a, ERR_TOO_LARGE, "%s is too large", name),
		                  "The limit is %zu bytes.", cap);
	*out = buf_str(&b);
	return NULL;
}

struct err *input_read(struct arena *a, const char *path, size_t cap, struct str *out)
{
	int fd;
	struct err *e;

	if (!path)
		return read_all(a, STDIN_FILENO, "standard input", cap, out);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return err_detail(err_new(a, ERR_NOT_FOUND, "could not read \"%s\"", path), "%s.",
		                  strerror(errno));
	e = read_all(a, fd, arena_printf(a, "\"%s\"", path), cap, out);
	close(fd);
	return e;
}

struct err *input_line(struct arena *a, size_t cap, const char **out)
{
	struct str text, line;

	TRY(input_read(a, NULL, cap, &text));
	line = str_chop(&text, '\n');
	if (str_ends(line, STR("\r")))
		line.n--;
	if (str_has_nul(line))
		return err_new(a, ERR_INVALID, "standard input holds a NUL character");
	*out = str_dup(a, line);
	return NULL;
}

struct err *input_secret(struct arena *a, const char *value, const char **out)
{
	if (strcmp(value, "-") == 0)
		return input_line(a, SECRET_BYTES, out);
	*out = value;
	return NULL;
}

struct db_texts input_list(struct arena *a, const char *text)
{
	struct str rest = str_of(text);
	struct db_texts list = {NULL, 0};

	if (!text)
		return list;
	list.p = ARENA_ARRAY(a, const char *, rest.n + 1);
	while (rest.p) {
		struct str name = str_trim(str_chop(&rest, ','));

		if (name.n)
			list.p[list.n++] = str_dup(a, name);
	}
	return list;
}
