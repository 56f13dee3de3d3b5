#include "call.h"

#include "lib/arena.h"
#include "lib/settings.h"

struct ctx llm_call_ctx(struct arena *a)
{
	static struct settings settings;

	return (struct ctx){.a = a, .settings = &settings, .request_id = "test", .address = ""};
}

struct llm_request llm_call_request(struct arena *a, const char *format, const char *url,
                                    const char *question)
{
	struct llm_block *b = ARENA_NEW(a, struct llm_block);
	struct llm_message *m = ARENA_NEW(a, struct llm_message);

	*b = (struct llm_block){.kind = LLM_TEXT, .text = str_of(question)};
	*m = (struct llm_message){LLM_USER, b, 1};
	return (struct llm_request){.provider = {format, url, "sk-secret-7", "claude-test"},
	                            .system = "Be good.",
	                            .messages = m,
	                            .nmessages = 1,
	                            .max_tokens = 100,
	                            .timeout_ms = 20000};
}

static void on_text(void *arg, struct str delta)
{
	struct llm_heard *h = arg;

	buf_add_str(&h->text, delta);
	if (h->stop)
		atomic_store(h->stop, true);
}

static void on_thinking(void *arg, struct str delta)
{
	buf_add_str(&((struct llm_heard *)arg)->thinking, delta);
}

static struct err *on_sent(void *arg)
{
	struct llm_heard *h = arg;

	h->sent++;
	h->heard_before_sent += h->text.n;
	return h->refuse_sent;
}

static void on_again(void *arg)
{
	struct llm_heard *h = arg;

	h->again++;
	h->text.n = h->thinking.n = 0;
}

struct llm_sink llm_call_sink(struct arena *a, struct llm_heard *heard, bool with_again)
{
	*heard = (struct llm_heard){.text = buf_init(a, BUF_LINE), .thinking = buf_init(a, BUF_LINE)};
	return (struct llm_sink){.text = on_text,
	                         .arg = heard,
	                         .thinking = on_thinking,
	                         .sent = on_sent,
	                         .again = with_again ? on_again : NULL};
}
