/* Pages that do what they should not, in the browser that makes pictures: what comes of them, and that the next one is made. */
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "artifact/artifact_priv.h"
#include "lib/log.h"
#include "lib/settings.h"
#include "unit.h"

struct fixture {
	struct ctx ctx;
	struct settings settings;
};

static void begin(struct fixture *f)
{
	struct err *e;

	*f = (struct fixture){.ctx = {.a = arena_create(), .request_id = "test", .address = ""},
	                      .settings = {.chromium = "/usr/lib/chromium/chromium", .export_seconds = 60, .export_mb = 2048}};
	f->ctx.settings = &f->settings;
	log_set_level(LOG_ERROR);
	e = artifact_export_check(&f->ctx);
	if (e) {
		print_message("%s\n", e->message);
		arena_free(f->ctx.a);
		unit_skip("no browser in a sandbox here");
	}
}

static struct err *picture(struct fixture *f, const char *page)
{
	struct str file;

	return artifact_browser(&f->ctx, str_of(page), "png", false, &file);
}

static void assert_next_is_made(struct fixture *f)
{
	struct str file;

	f->settings.export_seconds = 60;
	f->settings.export_mb = 2048;
	assert_ok(artifact_browser(&f->ctx, STR("<p>one"), "png", false, &file));
	assert_memory_equal(file.p, "\x89PNG", 4);
	arena_free(f->ctx.a);
}

static void test_browser__what_does_not_end_is_ended_in_time(void **state)
{
	struct fixture f;
	struct err *e;

	(void)state;
	begin(&f);
	f.settings.export_seconds = 4;
	e = picture(&f, "<script>for (;;) ;</script>");
	assert_non_null(e);
	assert_int_equal(e->kind, ERR_TIMEOUT);
	assert_string_equal(e->message, "the program took too long and was ended");
	assert_next_is_made(&f);
}

/* Whichever comes first: the limit of one process, of all together, or the engine's own. */
static void test_browser__what_takes_all_memory_is_ended(void **state)
{
	struct fixture f;
	struct err *e;

	(void)state;
	begin(&f);
	f.settings.export_mb = 700;
	e = picture(&f, "<script>const all = []; for (;;) all.push(new Array(1e6).fill(all.length + 0.5));</script>");
	assert_non_null(e);
	assert_int_equal(e->kind, ERR_TOO_LARGE);
	assert_true(strstr(e->message, "memory") || strstr(e->message, "MB"));
	assert_next_is_made(&f);
}

/* Were each of them kept until the end, or told at all, that would be more than the picture. */
static void test_browser__frames_that_come_and_go_take_no_memory_here(void **state)
{
	struct fixture f;

	(void)state;
	begin(&f);
	assert_ok(picture(&f, "<p>one<script>for (let i = 0; i < 500; i++) {"
	                      "const frame = document.createElement('iframe'); document.body.append(frame); frame.remove(); }</script>"));
	assert_true(arena_used(f.ctx.a) < 256 << 10);
	arena_free(f.ctx.a);
}

static void test_browser__a_page_does_not_decide_how_much_is_said_of_it(void **state)
{
	struct fixture f;
	struct err *e;

	(void)state;
	begin(&f);
	e = picture(&f, "<p>one<script>String.prototype.slice = () => '\xc3\xa4'.repeat(1e6);"
	                "self.quernDone = {errors: [{message: 'x'}]};</script>");
	assert_non_null(e);
	assert_true(str_utf8_valid(str_of(e->message)));
	assert_int_equal(str_utf8_count(str_of(e->message)), strlen("the artifact failed: ") + 300);
	arena_free(f.ctx.a);
}

static void test_browser__a_picture_ends_where_the_page_does_or_is_none(void **state)
{
	struct str file;
	struct fixture f;
	struct err *e;

	(void)state;
	begin(&f);
	assert_ok(picture(&f, "<body style='margin: 0'><div style='height: 7990px; background: linear-gradient(red, blue)'>"));
	e = picture(&f, "<div style='height: 9000px'>");
	assert_non_null(e);
	assert_string_equal(e->message, "the picture would be too tall: take PDF, which goes over sheets");
	assert_ok(artifact_browser(&f.ctx, STR("<div style='height: 9000px'>"), "pdf", false, &file));
	arena_free(f.ctx.a);
}

static int listener(int *port)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	socklen_t size = sizeof(at);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);

	assert_int_equal(bind(fd, (struct sockaddr *)&at, size), 0);
	assert_int_equal(listen(fd, 4), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &size), 0);
	*port = ntohs(at.sin_port);
	return fd;
}

/* This page has no policy that forbids it anything: only the sandbox does. It fails by its own words when something was read. */
static void test_browser__no_network_also_without_a_policy(void **state)
{
	struct fixture f;
	int port, fd = listener(&port);

	(void)state;
	begin(&f);
	assert_ok(picture(&f, arena_printf(f.ctx.a,
	                                   "<img src='http://127.0.0.1:%d/img'><script>"
	                                   "const at = 'http://127.0.0.1:%d/';"
	                                   "self.quernDone = Promise.allSettled([fetch(at, {mode: 'no-cors'}), new Promise((yes, no) => {"
	                                   "const s = new WebSocket(at.replace('http', 'ws')); s.onopen = yes; s.onerror = no; })])"
	                                   ".then((all) => ({errors: all.filter((x) => x.status === 'fulfilled')"
	                                   ".map(() => ({message: 'it got out'}))}));</script>",
	                                   port, port)));
	assert_int_equal(accept(fd, NULL, NULL), -1);
	close(fd);
	arena_free(f.ctx.a);
}

static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_browser__what_does_not_end_is_ended_in_time),
        cmocka_unit_test(test_browser__what_takes_all_memory_is_ended),
        cmocka_unit_test(test_browser__frames_that_come_and_go_take_no_memory_here),
        cmocka_unit_test(test_browser__a_page_does_not_decide_how_much_is_said_of_it),
        cmocka_unit_test(test_browser__a_picture_ends_where_the_page_does_or_is_none),
        cmocka_unit_test(test_browser__no_network_also_without_a_policy),
};
UNIT_SUITE(tests);
