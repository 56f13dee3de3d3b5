/* Inside web/: a turn's events on their way to one browser. */
#ifndef WEB_RELAY_PRIV_H
#define WEB_RELAY_PRIV_H

#include "agent/agent.h"
#include "http/http.h"
#include "lib/ctx.h"

struct web_relay;

/* Turns the response into an event stream. html: a page listens, and gets text as `block` events {"i":0,"html":"..."} in
 * place of deltas: block i of the message under way, again and again while it grows; block i + 1 follows once i is whole. */
struct web_relay *web_relay_open(struct ctx *ctx, struct http_request *req, struct http_response *res, bool html);
/* Where the turn's events go to; lives as long as the relay. */
const struct agent_sink *web_relay_sink(struct web_relay *r);
/* The relay's thread has nothing else to do: it waits for a client that is slow. */
void web_relay_be_patient(struct web_relay *r);
/* An event of our own, without id. */
void web_relay_send(struct web_relay *r, const char *kind, struct str json);
/* For agent_turn_watch(), with the relay as argument. */
bool web_relay_gone(void *relay);
/* Before the handler returns: what is left of the text goes out. */
void web_relay_close(struct web_relay *r);

#endif
