/*
 * Sets: templates by name, from text and from a directory.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/arena.h"
#include "lib/buf.h"
#include "mustache/mustache_priv.h"

enum { DIRECTORY_DEPTH = 8 };

static const struct str suffix = {".mustache", 9};

struct mustache_set *mustache_set_create(struct arena *a)
{
	struct mustache_set *set = ARENA_NEW(a, struct mustache_set);

	set->a = a;
	return set;
}

/* The index of the name, or where it would be. */
static size_t position(const struct mustache_set *set, struct str name, bool *found)
{
	size_t low = 0, high = set->n;

	*found = false;
	while (low < high && !*found) {
		size_t middle = low + (high - low) / 2;
		struct str other = str_of(set->templates[middle]->name);
		int order = memcmp(name.p ? name.p : "", other.p, name.n < other.n ? name.n : other.n);

		if (order == 0)
			order = (name.n > other.n) - (name.n < other.n);
		if (order > 0)
			low = middle + 1;
		else
			high = middle;
		if (order == 0) {
			low = middle;
			*found = true;
		}
	}
	return low;
}

const struct template *template_find(const struct mustache_set *set, struct str name)
{
	bool found;
	size_t i = position(set, name, &found);

	return found ? set->templates[i] : NULL;
}

/* The block of that name among the arguments of the parent node at `parent`, or NULL. */
static const struct node *argument_of(const struct template *t, uint32_t parent, struct str name)
{
	for (uint32_t i = parent + 1; i < t->nodes[parent].end; i = t->nodes[i].end)
		if (t->nodes[i].kind == NODE_BLOCK && str_eq(t->nodes[i].text, name))
			return &t->nodes[i];
	return NULL;
}

const struct node *argument_find(const struct frame *frame, struct str name, const struct frame **from)
{
	const struct node *found = NULL;

	for (*from = NULL; frame; frame = frame->up) {
		const struct node *node = argument_of(frame->template, frame->parent, name);

		if (node) {
			found = node;
			*from = frame;
		}
	}
	return found;
}

static void insert(struct mustache_set *set, struct template *t)
{
	bool found;
	size_t i = position(set, str_of(t->name), &found);

	if (found) {
		set->templates[i] = t;
		return;
	}
	if (set->n == set->size) {
		struct template **more =
		        ARENA_ARRAY(set->a, struct template *, set->size ? set->size * 2 : 16);

		if (set->n)
			memcpy(more, set->templates, set->n * sizeof(struct template *));
		set->templates = more;
		set->size = set->size ? set->size * 2 : 16;
	}
	memmove(set->templates + i + 1, set->templates + i, (set->n - i) * sizeof(struct template *));
	set->templates[i] = t;
	set->n++;
}

struct err *mustache_add(struct mustache_set *set, const char *name, struct str text)
{
	struct template *t = ARENA_NEW(set->a, struct template);

	if (text.n > MUSTACHE_TEMPLATE_BYTES)
		return err_detail(err_new(set->a, ERR_INVALID, "template \"%s\" is too large", name),
		                  "It has %zu bytes; the limit is %d.", text.n, MUSTACHE_TEMPLATE_BYTES);
	t->name = arena_strdup(set->a, name);
	TRY(template_compile(set->a, t, (struct str){str_dup(set->a, text), text.n}));
	insert(set, t);
	return NULL;
}

static struct err *unreadable(struct mustache_set *set, const char *what, const char *path)
{
	return err_detail(err_new(set->a, ERR_NOT_FOUND, "could not read %s \"%s\"", what, path), "%s.",
	                  strerror(errno));
}

/* The content of a file up to one byte more than a template may have. */
static struct err *read_file(struct mustache_set *set, const char *path, struct buf *text)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	char block[16384];
	ssize_t n;

	if (fd < 0)
		return unreadable(set, "template", path);
	while ((n = read(fd, block, sizeof(block))) > 0 && text->n <= MUSTACHE_TEMPLATE_BYTES)
		buf_add(text, block, (size_t)n);
	close(fd);
	return n < 0 ? unreadable(set, "template", path) : NULL;
}

static struct err *load_file(struct mustache_set *set, const char *path, const char *name)
{
	struct buf text = buf_init(set->a, MUSTACHE_TEMPLATE_BYTES + 16384);

	TRY(read_file(set, path, &text));
	return mustache_add(set, name, buf_str(&text));
}

static struct err *load_directory(struct mustache_set *set, const char *dir, const char *prefix, int depth);

static struct err *load_entry(struct mustache_set *set, const char *dir, const char *prefix,
                              const char *entry, int depth)
{
	const char *path = arena_printf(set->a, "%s/%s", dir, entry);
	struct str file = str_of(entry);
	struct stat st;

	if (entry[0] == '.' || stat(path, &st) != 0)
		return NULL;
	if (S_ISDIR(st.st_mode) && depth < DIRECTORY_DEPTH)
		return load_directory(set, path, arena_printf(set->a, "%s%s/", prefix, entry), depth + 1);
	if (!S_ISREG(st.st_mode) || !str_ends(file, suffix))
		return NULL;
	return load_file(set, path, arena_printf(set->a, "%s%.*s", prefix, (int)(file.n - suffix.n), entry));
}

static struct err *load_directory(struct mustache_set *set, const char *dir, const char *prefix, int depth)
{
	DIR *d = opendir(dir);
	const struct dirent *entry;
	struct err *e = NULL;

	if (!d)
		return unreadable(set, "template directory", dir);
	/* cppcheck-suppress readdirCalled ; safe for a directory stream of our own */
	while (!e && (entry = readdir(d)))
		e = load_entry(set, dir, prefix, entry->d_name, depth);
	closedir(d);
	return e;
}

struct err *mustache_load(struct mustache_set *set, const char *dir)
{
	return load_directory(set, dir, "", 0);
}
